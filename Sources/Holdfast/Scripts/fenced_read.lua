-- Reads a value with the fence it was written under, both at one instant.
--
-- KEYS  1 value   2 guard
-- Reply {value or false, fence or false}
return {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])}
