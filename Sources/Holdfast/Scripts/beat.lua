-- Records that an instance is alive, and forgets instances that have been silent for too long.
--
-- KEYS  1 hash of instances   2 sorted set of their last beats
-- ARGV  1 instance id   2 its description as JSON   3 ms of silence after which an instance is forgotten
-- Reply how many were forgotten
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local silent = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3], 'LIMIT', 0, 100)

-- include permissions.lua
need('HSET', KEYS[1], '', '')
need('HDEL', KEYS[1], '')
need('ZADD', KEYS[2], 0, '')
need('ZREM', KEYS[2], '')
for n = 1, 2 do need('PEXPIRE', KEYS[n], 1) end
if denied then return denial() end

-- After the last one nobody forgets the others. Redis 6.2 cannot be asked for permissions: so the first call that lacks
-- one comes before what it should end by itself is written.
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[3])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIRE', KEYS[2], 2 * ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[3])
for _, id in ipairs(silent) do
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
return #silent
