-- Turns the claim on an id into the record that it is done, if the claim is still ours.
--
-- KEYS  1 the id's key
-- ARGV  1 token of the claim   2 record   3 how long to keep the record, in ms
-- Reply 1 recorded, 0 the claim is not ours any more. A repeated call changes nothing.
local value = redis.call('GET', KEYS[1])
if value == ARGV[2] then return 1 end
if value ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
