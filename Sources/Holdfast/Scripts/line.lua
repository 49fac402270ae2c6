-- How messages get in line in claim.lua; not a script by itself.
--
-- The turn of a key goes to the oldest entry whose time has come, whatever instants were asked for. So all messages in
-- `scheduled` whose time has come get in line before anything is handed out, and one that was given the turn, and has
-- not been handed out, gives way to an older one.
local JOINING, ADOPTED, MUCH = 500, 100, 2 ^ 23

-- Whether somebody has the turn, and will end or be handed out.
isAlive = function(entry)
  return isEntry(entry) and (redis.call('HGET', claims, entry) or
    redis.call('ZMSCORE', waiting, place(entry))[1] or redis.call('ZMSCORE', due, entry)[1])
end

-- What an earlier version left, some at a time. True if there is more.
local function adopt()
  local found, moved, bytes = redis.call('ZRANGE', due, 0, ADOPTED - 1, 'WITHSCORES'), {}, 0
  local waits, joins = {}, {}
  for i = 1, #found, 2 do
    local entry, at, key = found[i], found[i + 1], false
    if bytes >= MUCH then break end
    moved[#moved + 1] = entry
    if isEntry(entry) then
      local fields = content(entry) or {}
      for n = 1, #fields, 2 do
        if fields[n] == 'key' then key = fields[n + 1] ~= '' and fields[n + 1] end
        bytes = bytes + #fields[n + 1]
      end
      if key and redis.call('HGET', order, 'k' .. key) ~= entry then
        joins[#joins + 1], joins[#joins + 2] = at, place(entry) .. ' ' .. key
      else
        waits[#waits + 1], waits[#waits + 2] = at, place(entry)
      end
    else
      strays[#strays + 1] = {due, entry, 'it is no entry of a stream'}
    end
  end
  if #moved == 0 then return false end
  redis.call('ZREM', due, unpack(moved))
  if #waits > 0 then redis.call('ZADD', waiting, unpack(waits)) end
  if #joins > 0 then redis.call('ZADD', scheduled, unpack(joins)) end
  return redis.call('ZCARD', due) > 0
end

-- Scheduled messages whose time has come take the turn of their key, or get in line. True if there are more.
local function join(now)
  local found, members = redis.call('ZRANGEBYSCORE', scheduled, '-inf', now, 'WITHSCORES', 'LIMIT', 0, JOINING), {}
  for i = 1, #found, 2 do members[#members + 1] = found[i] end
  if #members == 0 then return false end
  redis.call('ZREM', scheduled, unpack(members))
  for i, text in ipairs(members) do
    local at = string.find(text, ' ', 1, true)
    local entry, key = at and entryAt(string.sub(text, 1, at - 1)), at and string.sub(text, at + 1)
    if not entry or key == '' then
      strays[#strays + 1] = {scheduled, text, 'it is no place of an entry and a key'}
    else
      local holder = redis.call('HGET', order, 'k' .. key)
      local gives = holder and isEntry(holder) and place(entry) < place(holder) and
        redis.call('HGET', attempts, holder) == '0' and redis.call('ZMSCORE', waiting, place(holder))[1]
      if gives then
        redis.call('ZREM', waiting, place(holder))
        redis.call('HDEL', attempts, holder)
        redis.call('HDEL', order, 'e' .. holder)
        redis.call('ZADD', blocked, 0, line(key) .. place(holder))
      end
      if gives or not holder then
        redis.call('HSET', order, 'k' .. key, entry, 'e' .. entry, key)
        redis.call('ZADD', waiting, found[2 * i], place(entry))
        redis.call('HSET', attempts, entry, 0)
      else
        redis.call('HDEL', attempts, entry)
        redis.call('ZADD', blocked, 0, line(key) .. place(entry))
      end
    end
  end
  return #members == JOINING
end
