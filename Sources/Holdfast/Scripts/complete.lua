-- Turns the claim on an id into the record that it is done, if the claim is still ours.
--
-- KEYS  1 the id's key
-- ARGV  1 token of the claim   2 record   3 how long to keep the record, in ms
-- Reply twice a number of the token, plus 1 recorded, 0 the claim is not ours any more. A repeated call changes
-- nothing.
local number = tonumber(string.sub(ARGV[1], -28, -22), 16) or 0
-- include permissions.lua

local value = redis.call('GET', KEYS[1])
if value == ARGV[2] then return 2 * number + 1 end
if value ~= ARGV[1] then return 2 * number end
need('DEL', KEYS[1])
need('SET', KEYS[1], '')
if denied then return denial() end
-- First what a full memory does not forbid: then it does not forbid the other either.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 2 * number + 1
