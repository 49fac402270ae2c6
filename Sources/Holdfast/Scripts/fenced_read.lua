-- Reads a value with the fence it was written under, both at one instant.
--
-- KEYS  1 value   2 guard
-- Reply {value or false, fence or false}
-- include no_fence.lua

local value, guard = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
if value and guard and (#guard > 19 or not string.match(guard, '^%d+$')) then return no_fence(KEYS[2]) end
return {value, guard}
