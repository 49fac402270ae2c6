-- Writes a value, unless a holder with a higher fence has written it before.
--
-- KEYS  1 value   2 guard: the highest fence that has written
-- ARGV  1 fence, in decimal without leading zeros   2 value   3 lifetime of both in ms, '' for no end
-- Reply {1, fence} written, {0, highest fence} refused
--
-- The guard is written before the value: if the second write is refused, older holders are kept out all the same.
-- include no_fence.lua

local function lower(a, b) return #a < #b or #a == #b and a < b end

local guard = redis.call('GET', KEYS[2])
if guard and (#guard > 19 or not string.match(guard, '^%d+$')) then
  return no_fence(KEYS[2])
end
if guard and lower(ARGV[1], guard) then return {0, guard} end

if ARGV[3] == '' then
  redis.call('SET', KEYS[2], ARGV[1])
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return {1, ARGV[1]}
