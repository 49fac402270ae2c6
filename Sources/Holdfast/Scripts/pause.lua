-- Stops a queue from handing out messages, or lets it continue.
--
-- KEYS  1 paused: ms since when, while the queue is paused
-- ARGV  1 channel that wakes consumers   2 1 to pause, 0 to continue
-- Reply 1 if that changed something, else 0
-- include permissions.lua
need('PUBLISH', ARGV[1], '')
if denied then return denial() end
if ARGV[2] == '1' then
  local t = redis.call('TIME')
  local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
  return redis.call('SET', KEYS[1], now, 'NX') and 1 or 0
end
local changed = redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[1], '')
return changed
