-- Removes a token from a name: from the queue and, if it owns the lock, from that, which goes to the next
-- waiter.
--
-- KEYS  1 lock   2 fence   3 waiters, these two absent for what is never waited for
-- ARGV  1 token   2 length of a grant in ms   3 the prefix of the instances' channels   4 lifetime of the fence in ms
-- Reply as that of release.lua: plus 1 it owned the lock, 0 it did not. A repeated call changes nothing.
local number = tonumber(string.sub(ARGV[1], -14, -8), 16) or 0
local t = redis.call('TIME')
local owns = redis.call('GET', KEYS[1]) == ARGV[1]
if KEYS[3] then redis.call('ZREM', KEYS[3], ARGV[1]) end
if not owns then return 2 * number end
if not KEYS[3] then return 2 * number + redis.call('DEL', KEYS[1]) end

-- include no_fence.lua
-- include issue_fence.lua
-- include grant_next.lua

grant_next(t[1] .. string.format('%06d', t[2]), ARGV[1], false, ARGV[2], ARGV[3], ARGV[4])
return 2 * number + 1
