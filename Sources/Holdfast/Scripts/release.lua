-- Ends a lock, if it is still ours, and hands it to the next waiter.
--
-- KEYS  1 lock   2 waiters, absent for what is never waited for
-- ARGV  1 token   2 length of a grant in ms   3 the prefix of the instances' channels
-- Reply twice a number of the token, plus 1 released, 0 it was not ours any more. A repeated call changes nothing.
-- See docs/architecture.md, "No desync", for the number.
local number = tonumber(string.sub(ARGV[1], -14, -8), 16) or 0
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 2 * number end
if not KEYS[2] or redis.call('ZCARD', KEYS[2]) == 0 then
  return 2 * number + (owner and redis.call('DEL', KEYS[1]) or 0)
end

-- include grant_next.lua

-- A grant that is given back unconfirmed still stands in the queue. Also if the lock ended by itself just now the
-- next one is told: nobody else does it.
redis.call('ZREM', KEYS[2], ARGV[1])
grant_next(KEYS[1], KEYS[2], ARGV[2], ARGV[3], ARGV[1])
return 2 * number + (owner and 1 or 0)
