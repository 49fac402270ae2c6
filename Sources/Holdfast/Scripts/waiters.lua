-- Reads the queue of one lock.
--
-- KEYS  1 waiters
-- ARGV  1 how many at most
-- Reply {now in us, length of the queue, then for each waiter, first come first: token, arrival in us (negative: it is
--        granted the lock and has not confirmed yet)}
local t = redis.call('TIME')
local reply = {t[1] .. string.format('%06d', t[2]), redis.call('ZCARD', KEYS[1])}
for _, part in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')) do reply[#reply + 1] = part end
return reply
