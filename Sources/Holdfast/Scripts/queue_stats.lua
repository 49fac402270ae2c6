-- Counts what a queue holds.
--
-- KEYS  1-3 streams of usual, high and low priority   4 claims   5 attempts   6 blocked   7 dead letters   8 paused
-- Reply {ready, in flight, waiting for their time, dead letters, oldest entry or false, now ms, waiting for their turn,
--       ms since when it is paused or false}
local t = redis.call('TIME')
local messages, oldest = 0, false
for i = 1, 3 do
  messages = messages + redis.call('XLEN', KEYS[i])
  local first = redis.call('XRANGE', KEYS[i], '-', '+', 'COUNT', 1)[1]
  if first and (not oldest or tonumber(string.match(first[1], '^%d+')) < tonumber(string.match(oldest, '^%d+'))) then
    oldest = first[1]
  end
end
local flying, waiting = redis.call('HLEN', KEYS[4]), redis.call('HLEN', KEYS[5])
local blocked = redis.call('ZCARD', KEYS[6])
return {
  math.max(messages - flying - waiting - blocked, 0), flying, waiting, redis.call('XLEN', KEYS[7]), oldest,
  t[1] * 1000 + math.floor(t[2] / 1000), blocked, redis.call('GET', KEYS[8])
}
