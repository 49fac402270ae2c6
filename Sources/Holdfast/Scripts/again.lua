-- How claim.lua finds what was handed out or tried before; not a script by itself.
--
-- The oldest of the expired claims. Those of one call end at one instant: of the last one all are looked at, up to more
-- than any call renews, and fewer than Lua passes to a command.
oldestExpired = function(most)
  if most <= 0 then return {} end
  local oldest = redis.call('ZRANGEBYSCORE', expiry, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
  local sorted, instants, final, expired = {}, 0, oldest[#oldest], {}
  local function add(entry)
    if isEntry(entry) then
      sorted[#sorted + 1] = string.format('%09.0f', instants) .. place(entry)
    else
      strays[#strays + 1] = {expiry, entry, 'it is no entry of a stream'}
      gone[#gone + 1] = entry
    end
  end
  for i = 1, #oldest, 2 do
    if oldest[i + 1] == final then break end
    if oldest[i + 1] ~= oldest[i - 1] then instants = instants + 1 end
    add(oldest[i])
  end
  instants = instants + 1
  for _, entry in ipairs(redis.call('ZRANGEBYSCORE', expiry, final, final, 'LIMIT', 0, AT_ONCE)) do add(entry) end
  table.sort(sorted)
  for i = 1, math.min(#sorted, most) do expired[i] = string.sub(sorted[i], 50) end
  return expired
end

-- Those that wait, and whose time has come.
dueOnes = function(most)
  local woken = {}
  if most <= 0 then return woken end
  for _, text in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', now, 'LIMIT', 0, most)) do
    local entry = entryAt(text)
    if entry then
      woken[#woken + 1] = entry
    else
      strays[#strays + 1] = {waiting, text, 'it is no place of an entry'}
      taken[#taken + 1] = text
    end
  end
  return woken
end

-- Finds each of them in its stream; `notes` has its attempts.
findAgain = function(late, notes, pattern)
  for i, note in ipairs(redis.call('HMGET', notes, unpack(late))) do
    local fields, used = bytes < ROOM and content(late[i]), '0'
    if note then used = string.match(note, pattern) end
    if fields then
      if not used then strays[#strays + 1] = {notes, late[i], false} end
      find(late[i], fields, used and tonumber(used) + 1 or 0)
    elseif bytes < ROOM then
      gone[#gone + 1] = late[i]
    else
      -- It stays where it is.
      late[i] = nil
    end
  end
end
