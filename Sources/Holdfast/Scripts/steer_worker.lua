-- Steers a periodic worker in all its instances, and wakes them.
--
-- KEYS  1 worker
-- ARGV  1 'trigger', 'pause', 'resume', 'reschedule' or 'restore'   2 channel   3 name of the worker   4 schedule
--       5 '1' where that schedule counts from the end of a run
-- Reply 1; 0 where no instance has ever run that worker; 2 where its runs may overlap, which the schedule forbids
--
-- What is asked for is a field of the worker, so that it holds for whoever looks later; the message only saves the wait.
-- Repeating a call changes nothing.
-- include permissions.lua

local worker, verb = KEYS[1], ARGV[1]
local state = redis.call('HMGET', worker, 'slots', 'trigger', 'paused')
if redis.call('HLEN', worker) == 0 then return 0 end
if ARGV[5] == '1' and tonumber(state[1] or 1) > 1 then return 2 end
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))

need('HSET', worker, 'f', 'v')
need('HDEL', worker, 'f')
need('PUBLISH', ARGV[2], 'm')
if denied then return denial() end

if verb == 'trigger' then
  if not state[2] then redis.call('HSET', worker, 'trigger', now) end
elseif verb == 'pause' then
  if not state[3] then redis.call('HSET', worker, 'paused', now) end
elseif verb == 'resume' then
  redis.call('HDEL', worker, 'paused')
elseif verb == 'reschedule' then
  redis.call('HSET', worker, 'schedule', ARGV[4], 'by', 'operator')
else
  redis.call('HSET', worker, 'by', 'code')
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
