-- Issues a fence to a token: a number that is higher than every fence of this name before it.
--
-- No script of its own. KEYS 2 is the fence's entry: 16 digits (us since 1970) and the token they were issued to.
-- Numbers of equal length compare as strings, so the usual case needs one SET: the server's time, unless the entry
-- before it was not older.
-- With 'XX' only an entry that is there is raised. Returns the fence; false where there was none to be raised; or the
-- error of Redis as a table: a foreign value, or one that the user may not touch. Then nothing was written.
local function issue_fence(now, token, lifetime, ...)
  local last = redis.pcall('SET', KEYS[2], now .. token, 'PX', lifetime, 'GET', ...)
  if type(last) == 'table' and last.err then return last end
  if not last and ... then return false end
  local fence = now
  if last and string.match(last, '^%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d') and string.sub(last, 1, 16) >= now then
    fence = string.format('%016.0f', tonumber(string.sub(last, 1, 16)) + 1)
    redis.call('SET', KEYS[2], fence .. token, 'PX', lifetime)
  end
  return fence
end
