-- Grants a lock, with a fence that is higher than every fence of this name before it.
--
-- KEYS  1 lock   2 fence
-- ARGV  1 token   2 lease in ms   3 lifetime of the fence in ms
-- Reply granted  {2 * number + 1, fence}
--       refused  {2 * number, holder's token, its remaining ms (-1: for ever), fence entry or false, now in us}
--       with the number that the last seven digits of the token spell
--
-- The fence entry is 16 digits (us since 1970) and the token they were issued to. Numbers of equal length compare as
-- strings, so the usual case needs one SET: the server's time, unless the entry before it was not older.
-- A repeated call with the token that holds the lock is granted again with the same fence: that resolves an attempt
-- whose reply was lost.
--
-- The time is asked for before the first write, so that a user who may not ask for it takes no lock.
local number = tonumber(string.sub(ARGV[1], -7), 16) or 0
local t = redis.call('TIME')
local fence = t[1] .. string.format('%06d', t[2])

if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local holder = redis.call('GET', KEYS[1])
  local entry = redis.call('GET', KEYS[2])
  if holder == ARGV[1] and entry and string.sub(entry, 17) == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return {2 * number + 1, string.sub(entry, 1, 16)}
  end
  return {2 * number, holder, redis.call('PTTL', KEYS[1]), entry, fence}
end

local last = redis.pcall('SET', KEYS[2], fence .. ARGV[1], 'PX', ARGV[3], 'GET')
if type(last) == 'table' and last.err then
  -- A foreign value at the fence's key, or one that the user may not touch: no fence, so no lock.
  redis.call('DEL', KEYS[1])
  return last
end
if last and string.match(last, '^' .. string.rep('%d', 16)) and string.sub(last, 1, 16) >= fence then
  fence = string.format('%016.0f', tonumber(string.sub(last, 1, 16)) + 1)
  redis.call('SET', KEYS[2], fence .. ARGV[1], 'PX', ARGV[3])
end
return {2 * number + 1, fence}
