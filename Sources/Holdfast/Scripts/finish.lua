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
-- A clock that was set back turns the cursor of such a schedule back: that is counted, see tick.lua.
-- include permissions.lua
-- include worker_data.lua

local worker, history = unpack(KEYS)
local token, field = ARGV[1], 'run:' .. ARGV[2]
local number = tonumber(string.sub(token, -28, -22), 16) or 0
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local cursor = redis.call('HGET', worker, 'cursor') or ''
redis.call('XLEN', history)
local at, era = read('cursor in ' .. worker, cursor ~= '' and cursor, INSTANT)
local nominal, kind, attempt, fence, begun, owner, who =
  readRun(field .. ' in ' .. worker, redis.call('HGET', worker, field))
if unreadable then return refusal() end
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
  if at and tonumber(now) < tonumber(at) then era = (tonumber(era) or 0) + 1 end
  cursor = now .. suffix(era)
  redis.call('HSET', worker, 'cursor', cursor)
end
return {2 * number + 1, now, cursor}
