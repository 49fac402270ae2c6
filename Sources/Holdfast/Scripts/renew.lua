-- Prolongs a lock, if it is still ours. Never creates one.
--
-- KEYS  1 lock   2 waiters, for a grant that is to be confirmed: with that its waiter leaves the queue
-- ARGV  1 token   2 lease in ms
-- Reply twice a number of the token, plus 1 renewed, 0 it is not ours any more
local number = tonumber(string.sub(ARGV[1], -21, -15), 16) or 0
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 2 * number end
if KEYS[2] then redis.call('ZREM', KEYS[2], ARGV[1]) end
return 2 * number + redis.call('PEXPIRE', KEYS[1], ARGV[2])
