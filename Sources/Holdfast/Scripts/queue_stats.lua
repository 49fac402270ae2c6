-- Counts what a queue holds.
--
-- KEYS  1 stream   2 claims   3 dead letters
-- Reply {ready, in flight, waiting for a retry, dead letters, oldest entry or false, now ms}
local t = redis.call('TIME')
local entries = redis.call('XLEN', KEYS[1])
local flying, waiting = 0, 0
for _, owner in ipairs(redis.call('HVALS', KEYS[2])) do
  if string.sub(owner, -4) == ':-:-' then waiting = waiting + 1 else flying = flying + 1 end
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
return {
  math.max(entries - flying - waiting, 0), flying, waiting, redis.call('XLEN', KEYS[3]),
  oldest and oldest[1] or false, t[1] * 1000 + math.floor(t[2] / 1000)
}
