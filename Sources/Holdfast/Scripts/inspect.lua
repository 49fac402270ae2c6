-- Reads one lock.
--
-- KEYS  1 lock   2 fence
-- Reply {holder's token or false, its remaining ms (-1: for ever, -2: not held), fence entry or false, now in us}
local t = redis.call('TIME')
return {
  redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]), redis.call('GET', KEYS[2]),
  t[1] .. string.format('%06d', t[2])
}
