-- Takes a lock from its holder, for an operator, and hands it to the next waiter.
--
-- KEYS  1 lock   2 fence   3 waiters
-- ARGV  1 the token that is seen to hold it   2 length of a grant in ms   3 the prefix of the instances' channels
--       4 lifetime of the fence in ms
-- Reply 1 released, 0 that token does not hold it any more
--
-- The fence rises: what the former holder still sends is refused where fences are compared with the newest one.
local t = redis.call('TIME')
local now = t[1] .. string.format('%06d', t[2])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end

-- include permissions.lua
-- include no_fence.lua
-- include issue_fence.lua
-- include grant_next.lua

-- Before the first write: a fence or a queue that is none, or that the user may not touch.
local entry = redis.call('GET', KEYS[2])
local unknown = unknown_fence(entry)
if unknown then return unknown end
redis.call('ZCARD', KEYS[3])
need('ZREM', KEYS[3], '')
need('ZADD', KEYS[3], 0, '')
need('SET', KEYS[2], '')
need('SET', KEYS[1], '')
need('DEL', KEYS[1])
need('PUBLISH', ARGV[3], '')
if denied then return denial() end

-- First what a full memory does not forbid: then it does not forbid the rest either.
redis.call('ZREM', KEYS[3], ARGV[1])
local fence = issue_fence_after(entry, now, '', ARGV[4])
if type(fence) == 'table' then return fence end
grant_next(now, ARGV[1], false, ARGV[2], ARGV[3], ARGV[4])
return 1
