-- Records the end of a periodic worker's run, if it is still the caller's.
--
-- KEYS  1 worker   2 history
-- ARGV  1 token   2 slot   3 outcome   4 detail   5 how many runs the history keeps
--       6 '1' where the schedule counts from the end of a run   7 '1' to let another instance run it again
-- Reply {2 * number + 1 recorded, or + 0 the run is not the caller's any more; now ms; cursor or ''}
--       with a number of the token
--
-- The run is the caller's while the worker's field names its token: also after the end of its lease, as long as nobody
-- has found it without its lock. A repeated call finds the field gone, or the caller's token gone from it.
-- include permissions.lua

local worker, history = unpack(KEYS)
local token, field = ARGV[1], 'run:' .. ARGV[2]
local number = tonumber(string.sub(token, -28, -22), 16) or 0
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local cursor = redis.call('HGET', worker, 'cursor') or ''
local run = redis.call('HGET', worker, field) or ''
redis.call('XLEN', history)
local nominal, kind, attempt, fence, begun, owner, who =
  string.match(run, '^(%S+) (%S+) (%d+) (%S+) (%S+) (%S+) (.*)$')
if owner ~= token then return {2 * number, now, cursor} end

need('HSET', worker, 'f', 'v')
need('HDEL', worker, 'f')
need('XADD', history, '*', 'f', 'v')
if denied then return denial() end

-- First what a full memory does not forbid: then it does not forbid the rest either.
redis.call('HDEL', worker, field)
if tonumber(ARGV[5]) > 0 then
  redis.call('XADD', history, 'MAXLEN', ARGV[5], '*', 'tick', nominal, 'kind', kind, 'attempt', attempt,
    'begun', begun, 'ended', now, 'outcome', ARGV[3], 'token', token, 'who', who, 'detail', ARGV[4])
end
if ARGV[7] == '1' then
  redis.call('HSET', worker, field, table.concat({nominal, kind, attempt, fence, begun, '-', who}, ' '))
end
if ARGV[6] == '1' then
  cursor = now
  redis.call('HSET', worker, 'cursor', now)
end
return {2 * number + 1, now, cursor}
