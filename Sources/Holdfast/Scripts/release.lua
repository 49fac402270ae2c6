-- Ends a lock, if it is still ours, and hands it to the next waiter.
--
-- KEYS  1 lock   2 fence   3 waiters, these two absent for what is never waited for
-- ARGV  1 token   2 length of a grant in ms   3 the prefix of the instances' channels   4 lifetime of the fence in ms
-- Reply twice a number of the token, plus 1 released, 0 it was not ours any more. A repeated call changes nothing.
-- See docs/architecture.md, "No desync", for the number.
local number = tonumber(string.sub(ARGV[1], -14, -8), 16) or 0
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  -- A grant that ended before it was confirmed.
  if KEYS[3] then redis.call('ZREM', KEYS[3], ARGV[1]) end
  return 2 * number
end
if not KEYS[3] or redis.call('ZCARD', KEYS[3]) == 0 then
  return 2 * number + (owner and redis.call('DEL', KEYS[1]) or 0)
end

-- include no_fence.lua
-- include issue_fence.lua
-- include grant_next.lua

-- The next waiter is notified even if the lock has just expired by itself: nobody else would do it.
local t = redis.call('TIME')
-- First what a full memory does not forbid: then it does not forbid the rest either.
redis.call('ZREM', KEYS[3], ARGV[1])
grant_next(t[1] .. string.format('%06d', t[2]), ARGV[1], false, ARGV[2], ARGV[3], ARGV[4])
return 2 * number + (owner and 1 or 0)
