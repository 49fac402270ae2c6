-- Ends a lock, if it is still ours.
--
-- KEYS  1 lock
-- ARGV  1 token
-- Reply twice a number of the token, plus 1 released, 0 it was not ours any more. A repeated call changes nothing.
-- See docs/architecture.md, "No desync", for the number.
local number = tonumber(string.sub(ARGV[1], -14, -8), 16) or 0
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return 2 * number + redis.call('DEL', KEYS[1])
end
return 2 * number
