-- Reads one lock.
--
-- KEYS  1 lock   2 fence
-- Reply {holder's token or false, its remaining ms (-1: never ends, -2: not held), fence entry or false, now in us}
--
-- A key of another type stands in the way like a lock: its type is returned in place of a token.
local function read(key)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'table' or not value.err then return value end
  -- A user that may not read it gets that error.
  if string.sub(value.err, 1, 9) ~= 'WRONGTYPE' then return redis.call('GET', key) end
  return 'no lock, but a ' .. redis.call('TYPE', key).ok
end

local t = redis.call('TIME')
return {read(KEYS[1]), redis.call('PTTL', KEYS[1]), read(KEYS[2]), t[1] .. string.format('%06d', t[2])}
