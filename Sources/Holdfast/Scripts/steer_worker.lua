-- Steers a periodic worker in all its instances, and wakes them.
--
-- KEYS  1 worker
-- ARGV  1 'trigger', 'pause', 'resume', 'reschedule' or 'restore'   2 channel   3 name of the worker   4 schedule
-- Reply 1, or 0 where no instance has ever run that worker
local worker, verb = KEYS[1], ARGV[1]
if redis.call('HLEN', worker) == 0 then return 0 end
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
if verb == 'trigger' then
  redis.call('HSET', worker, 'trigger', now)
elseif verb == 'pause' then
  redis.call('HSET', worker, 'paused', now)
elseif verb == 'resume' then
  redis.call('HDEL', worker, 'paused')
elseif verb == 'reschedule' then
  redis.call('HSET', worker, 'schedule', ARGV[4], 'by', 'operator')
else
  redis.call('HSET', worker, 'by', 'code')
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
