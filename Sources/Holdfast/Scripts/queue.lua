-- What the scripts of a queue share; not a script by itself. It expects a queue's keys in locals of their names.
--
-- A message lies in one of three streams, by its priority. Everything else is noted under its entry: the id it has in
-- its stream, after an 'h' or an 'l' where the priority is high or low.
--
-- Redis sorts members of equal scores as text, where 10 comes before 9. So what must come in the order of its entries
-- stands in a sorted set as its `place`: the entry's numbers, padded, and then the entry.
--
-- Messages with a `key` are handled one at a time. `order` has two fields for each key that is taken: 'k<key>' -> the
-- entry whose turn it is, and 'e<entry>' -> its key. The entries behind it stand in `blocked`, by key and place.
-- The oldest whose time has come takes the turn: line.lua says how.
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

local function place(entry)
  local ms, number = string.match(entry, '^[hl]?(%d+)-(%d+)$')
  return string.rep('0', 20 - #ms) .. ms .. string.rep('0', 20 - #number) .. number .. entry
end
-- The length stands in front, so that no key is the beginning of another one.
local function line(key) return #key .. ':' .. key .. ':' end

-- What cannot be read is set aside, each as {key, what was found, why}; without a reason only the caller hears of it.
local strays = {}

-- What follows few calls need. Each function costs every call that defines it, so these are defined when one is needed.
local isEntry, entryAt, setAside, giveTurn, passOn, letter, seam, dropLetters
local function prepare()
  if passOn then return end

  -- Anybody may have written to our keys. What Redis would not take for an entry is none, nor is another spelling of one.
  local function isNumber(text)
    return (text == '0' or string.match(text, '^[1-9]%d*$')) and
      (#text < 20 or #text == 20 and text <= '18446744073709551615')
  end
  isEntry = function(text)
    local ms, number = string.match(text, '^[hl]?(%d+)-(%d+)$')
    return ms and isNumber(ms) and isNumber(number)
  end
  -- The entry at a place; nil if it is no place.
  entryAt = function(text)
    local entry = string.sub(text, 41)
    if isEntry(entry) and place(entry) == text then return entry end
  end

  -- What cannot be read is a dead letter without a message, and the caller's consumer logs it.
  -- For each: its key, and the beginning of what was found there.
  setAside = function()
    local told = {}
    for _, one in ipairs(strays) do
      if one[3] then
        redis.call('XADD', dead, '*', 'from', one[1], 'found', one[2], 'attempts', 0, 'reason',
          'set aside from ' .. one[1] .. ': ' .. one[3])
      end
      told[#told + 1], told[#told + 2] = one[1], string.sub(one[2], 1, 100)
    end
    return told
  end

  -- Gives a key that is nobody's to the first in line, which is due at once. True if there was one.
  giveTurn = function(key, now)
    local first = line(key)
    while true do
      local heir = redis.call('ZRANGE', blocked, '[' .. first, '[' .. first .. '\255', 'BYLEX', 'LIMIT', 0, 1)[1]
      if not heir then
        redis.call('HDEL', order, 'k' .. key)
        return false
      end
      redis.call('ZREM', blocked, heir)
      local entry = entryAt(string.sub(heir, #first + 1))
      if entry then
        redis.call('HSET', order, 'k' .. key, entry, 'e' .. entry, key)
        redis.call('ZADD', waiting, now, place(entry))
        redis.call('HSET', attempts, entry, 0)
        return true
      end
      strays[#strays + 1] = {blocked, heir, 'it names no entry that could have the turn'}
    end
  end

  -- The keys of ended messages go to the next in line. True if there were any.
  passOn = function(ended, now)
    if #ended == 0 or redis.call('HLEN', order) == 0 then return false end
    local fields = {}
    for i, entry in ipairs(ended) do fields[i] = 'e' .. entry end
    local passed = false
    for i, key in ipairs(redis.call('HMGET', order, unpack(fields))) do
      if key then
        redis.call('HDEL', order, fields[i])
        if redis.call('HGET', order, 'k' .. key) == ended[i] then passed = giveTurn(key, now) or passed end
      end
    end
    return passed
  end

  -- A message's fields as a dead letter. Lua passes no more than 8000 values to a call: of very many fields the rest
  -- goes into one, as JSON, behind those that this library knows.
  local KNOWN, MOST = {id = true, body = true, type = true, due = true, key = true}, 2000
  letter = function(fields, entry, used, reason)
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

  -- Where a letter's own fields begin, behind those of its message, which may have any names; nil if it is none of ours.
  -- Later versions may add fields of the letter.
  seam = function(fields)
    local has = {}
    for i = #fields - 1, 1, -2 do
      if fields[i] == 'entry' and has.attempts and has.reason and isEntry(fields[i + 1]) then return i end
      has[fields[i]] = true
    end
  end

  -- Of more dead letters than `most` the oldest are dropped; their ids are remembered until `forget`.
  dropLetters = function(most, forget)
    local excess = redis.call('XLEN', dead) - most
    if excess <= 0 then return end
    for _, stored in ipairs(redis.call('XRANGE', dead, '-', '+', 'COUNT', math.min(excess, 200))) do
      local fields = stored[2]
      local own = seam(fields)
      local id = own and fields[own + 1]
      for i = 1, (own or 1) - 1, 2 do
        if fields[i] == 'id' and fields[i + 1] ~= '' then id = fields[i + 1] end
      end
      if id then redis.call('ZADD', ledger, forget, id) end
      redis.call('XDEL', dead, stored[1])
    end
  end
end
