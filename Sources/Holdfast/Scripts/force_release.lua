-- Takes a lock from its holder, for an operator, and hands it to the next waiter.
--
-- KEYS  1 lock   2 fence   3 waiters
-- ARGV  1 the token that is seen to hold it   2 length of a grant in ms   3 the prefix of the instances' channels
--       4 lifetime of the fence in ms
-- Reply 1 released, 0 that token does not hold it any more
--
-- The fence rises: what the former holder still sends is refused where fences are compared with the newest one.
local t = redis.call('TIME')
local fence = t[1] .. string.format('%06d', t[2])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local last = redis.call('GET', KEYS[2])

-- include grant_next.lua

if last and string.match(last, '^' .. string.rep('%d', 16)) and string.sub(last, 1, 16) >= fence then
  fence = string.format('%016.0f', tonumber(string.sub(last, 1, 16)) + 1)
end
redis.call('SET', KEYS[2], fence, 'PX', ARGV[4])
redis.call('ZREM', KEYS[3], ARGV[1])
grant_next(KEYS[1], KEYS[3], ARGV[2], ARGV[3], ARGV[1])
return 1
