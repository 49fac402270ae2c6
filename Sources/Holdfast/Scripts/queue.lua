-- What claim.lua and settle.lua share; not a script by itself. It expects a queue's keys in locals of their names.
--
-- A message lies in one of three streams, by its priority. Everything else is noted under its entry: the id it has in
-- its stream, after an 'h' or an 'l' where the priority is high or low.
--
-- Messages with a `key` are handled one at a time, in the order of their entries. `order` has two fields for each key
-- that is taken: 'k<key>' -> the entry whose turn it is, and 'e<entry>' -> its key. The entries behind it stand in
-- `blocked`, whose members sort by key and entry.
local PINNED = 'inf'

local function home(entry)
  local letter = string.byte(entry)
  if letter == 104 then return high, string.sub(entry, 2) end
  if letter == 108 then return low, string.sub(entry, 2) end
  return stream, entry
end

local function content(entry)
  local where, id = home(entry)
  local stored = redis.call('XRANGE', where, id, id)[1]
  return stored and stored[2]
end

local function delete(entries)
  local usual, byte = {}, string.byte
  for _, entry in ipairs(entries) do
    local letter = byte(entry)
    if letter == 104 or letter == 108 then redis.call('XDEL', home(entry)) else usual[#usual + 1] = entry end
  end
  if #usual > 0 then redis.call('XDEL', stream, unpack(usual)) end
end

-- The length stands in front, so that no key is the beginning of another one; numbers are padded to sort as numbers.
local function place(key) return #key .. ':' .. key .. ':' end
local function member(key, entry)
  local _, id = home(entry)
  local ms, number = string.match(id, '^(%d+)-(%d+)$')
  return place(key) .. string.rep('0', 20 - #ms) .. ms .. string.rep('0', 20 - #number) .. number .. entry
end

-- The keys of ended messages go to the next in line, which are due at once. True if there were any.
local function passOn(ended, now)
  if #ended == 0 or redis.call('HLEN', order) == 0 then return false end
  local fields = {}
  for i, entry in ipairs(ended) do fields[i] = 'e' .. entry end
  local passed = false
  for i, key in ipairs(redis.call('HMGET', order, unpack(fields))) do
    if key then
      local first = place(key)
      local heir = redis.call('ZRANGE', blocked, '[' .. first, '[' .. first .. '\255', 'BYLEX', 'LIMIT', 0, 1)[1]
      redis.call('HDEL', order, fields[i])
      if heir then
        local entry = string.sub(heir, #first + 41)
        redis.call('ZREM', blocked, heir)
        redis.call('HSET', order, 'k' .. key, entry, 'e' .. entry, key)
        redis.call('ZADD', due, now, entry)
        redis.call('HSET', attempts, entry, 0)
        passed = true
      else
        redis.call('HDEL', order, 'k' .. key)
      end
    end
  end
  return passed
end

-- A message's fields as a dead letter. Lua passes no more than 8000 values to a call: of very many fields the rest
-- goes into one, as JSON, behind those that this library knows.
local KNOWN, MOST = {id = true, body = true, type = true, due = true, key = true}, 2000
local function letter(fields, entry, used, reason)
  if #fields > MOST then
    local kept, rest = {}, {}
    for i = 1, #fields, 2 do
      local list = KNOWN[fields[i]] and #kept < MOST and kept or rest
      list[#list + 1], list[#list + 2] = fields[i], fields[i + 1]
    end
    kept[#kept + 1], kept[#kept + 2] = 'more', cjson.encode(rest)
    fields = kept
  end
  for _, field in ipairs({'entry', entry, 'attempts', used, 'reason', reason}) do fields[#fields + 1] = field end
  return fields
end

-- Of more dead letters than `most` the oldest are dropped; their ids are remembered until `forget`.
local function dropLetters(most, forget)
  local excess = redis.call('XLEN', dead) - most
  if excess <= 0 then return end
  for _, stored in ipairs(redis.call('XRANGE', dead, '-', '+', 'COUNT', math.min(excess, 200))) do
    local fields = stored[2]
    -- The message's own fields may have any names: the entry is known by its place.
    local id = fields[#fields - 5] == 'entry' and fields[#fields - 4]
    for i = 1, #fields, 2 do
      if fields[i] == 'id' and fields[i + 1] ~= '' then id = fields[i + 1] end
    end
    if id then redis.call('ZADD', ledger, forget, id) end
    redis.call('XDEL', dead, stored[1])
  end
end
