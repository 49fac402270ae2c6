-- Issues a fence to a token: a number that is higher than every fence of this name before it.
--
-- No script of its own; no_fence.lua stands before it. KEYS 2 is the fence's entry: 16 digits (us since 1970) and the
-- token they were issued to. Numbers of equal length compare as strings. Lua's numbers are exact to 2^53.

-- The error for an entry that is none; nil for one, and for no entry.
local function unknown_fence(entry)
  local digits = entry and string.match(entry, '^%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d')
  if entry and not (digits and digits < '9007199254740991') then return no_fence(KEYS[2]) end
end

-- After the entry `last`, or without one. Returns the fence, or the error of Redis as a table; then nothing was written.
local function issue_fence_after(last, now, token, lifetime)
  local fence = now
  if last and string.sub(last, 1, 16) >= now then
    fence = string.format('%016.0f', tonumber(string.sub(last, 1, 16)) + 1)
  end
  local written = redis.pcall('SET', KEYS[2], fence .. token, 'PX', lifetime)
  return written.err and written or fence
end

-- Only where there is an entry to be raised; else false.
local function raise_fence(now, token, lifetime)
  local last = redis.pcall('GET', KEYS[2])
  if type(last) ~= 'string' then return last end
  return unknown_fence(last) or issue_fence_after(last, now, token, lifetime)
end
