-- Takes a token out of a name: out of the queue, and if it owns the lock, hands that to the next waiter.
--
-- KEYS  1 lock   2 waiters, absent for what is never waited for
-- ARGV  1 token   2 length of a grant in ms   3 the prefix of the instances' channels
-- Reply as that of release.lua: plus 1 it owned the lock, 0 it did not. A repeated call changes nothing.
local number = tonumber(string.sub(ARGV[1], -14, -8), 16) or 0
local owns = redis.call('GET', KEYS[1]) == ARGV[1]
if KEYS[2] then redis.call('ZREM', KEYS[2], ARGV[1]) end
if not owns then return 2 * number end
if not KEYS[2] then return 2 * number + redis.call('DEL', KEYS[1]) end

-- include grant_next.lua

grant_next(KEYS[1], KEYS[2], ARGV[2], ARGV[3], ARGV[1])
return 2 * number + 1
