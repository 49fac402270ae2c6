-- Steers a periodic worker in all its instances, and wakes them.
--
-- KEYS  1 worker
-- ARGV  1 'trigger', 'pause', 'resume', 'reschedule', 'restore' or 'rewind'   2 channel   3 name of the worker
--       4 schedule   5 '1' where that schedule counts from the end of a run
-- Reply 1; 0 where no instance has ever run that worker; 2 where its runs may overlap, which the schedule forbids;
--       3 where it was so already
--
-- What is asked for is a field of the worker, so that it holds for whoever looks later; the message only saves the wait.
-- Repeating a call changes nothing.
-- Each run that is asked for has an instant of its own, later than that of the one before: also within one millisecond,
-- and where the clock was set back.
-- A rewind turns back a cursor that lies ahead of the clock, to now. The ticks after it have a number that those before
-- did not have, so that none of them comes twice; see tick.lua.
-- include permissions.lua
-- include worker_data.lua

local worker, verb = KEYS[1], ARGV[1]
local state = redis.call('HMGET', worker, 'slots', 'trigger', 'paused', 'cursor', 'asked', 'schedule', 'by')
local slots, trigger, paused, cursor, asked, schedule, by = unpack(state)
if redis.call('HLEN', worker) == 0 then return 0 end
read('slots in ' .. worker, slots, '^%d+$')
local at, era = read('cursor in ' .. worker, cursor, INSTANT)
read('asked in ' .. worker, asked, '^%d+$')
if unreadable then return refusal() end
if ARGV[5] == '1' and tonumber(slots or 1) > 1 then return 2 end
local t = redis.call('TIME')
local time = t[1] * 1000 + math.floor(t[2] / 1000)
local now = string.format('%.0f', time)

need('HSET', worker, 'f', 'v')
need('HDEL', worker, 'f')
need('PUBLISH', ARGV[2], 'm')
if denied then return denial() end

if verb == 'trigger' then
  if trigger then return 3 end
  local instant = string.format('%.0f', math.max(time, tonumber(asked or 0) + 1))
  redis.call('HSET', worker, 'trigger', instant, 'asked', instant)
elseif verb == 'pause' then
  if paused then return 3 end
  redis.call('HSET', worker, 'paused', now)
elseif verb == 'resume' then
  if not paused then return 3 end
  redis.call('HDEL', worker, 'paused')
elseif verb == 'reschedule' then
  if schedule == ARGV[4] and by == 'operator' then return 3 end
  redis.call('HSET', worker, 'schedule', ARGV[4], 'by', 'operator')
elseif verb == 'restore' then
  if by ~= 'operator' then return 3 end
  redis.call('HSET', worker, 'by', 'code')
elseif verb == 'rewind' then
  if not at or tonumber(at) <= time then return 3 end
  redis.call('HSET', worker, 'cursor', now .. suffix((tonumber(era) or 0) + 1))
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
