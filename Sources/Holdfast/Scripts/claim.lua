-- Claims messages: first those whose claim expired, then those whose time has come, then new ones by priority.
--
-- KEYS  1-3 streams of usual, high and low priority   4 expiry: entry -> ms at which its claim expires
--       5 claims: entry -> owner   6 waiting: place -> ms from which it may be claimed
--       7 attempts: entry -> those used up   8 order   9 blocked: see queue.lua
--       10 ledger: id -> PINNED while the message exists, then ms until which its commit is remembered
--       11 dead letters   12 fence   13 paused: exists while nothing is handed out
--       14 scheduled: place, ' ' and ordering key -> ms from which it is in line
--       15 due: entry -> ms from which it may be claimed, as an earlier version kept what waits
-- ARGV  1 consumer group   2 token, new for each call   3 lease in ms   4 how many   5 attempts allowed
--       6 how many claims the queue may have in all, 0 for any number   7 how many expired claims to take over at most
--       8 how many dead letters are kept   9 ms for which the id of a dropped one is remembered
-- Reply {check, fence, now ms, ms at which to ask again or -1, how many were taken over, then for each claim: entry,
--       id, body, attempt, type}, where check is twice the number that the last seven digits of the token spell. Where
--       something was set aside, {how many were taken over, key, what was found, key, …} stands in place of the fifth.
--
-- An owner is '<attempt>:<fence>:<token>', longer than 64 bytes: a hash of shorter values, with up to 512 fields, Redis
-- keeps as a list, and walks through it for each field. Attempts are counted here, before anything runs, so a message
-- that kills its worker still reaches the dead letters. A message whose id is committed already is removed instead of
-- being handed out again. A claimed message stands in `expiry` and `claims`, one that waits in `waiting` or `scheduled`
-- and in `attempts`, a new one in its stream alone. The group only remembers how far that was read: nothing is pending
-- in it. A reply has ROOM for so many bytes and one message more. What does not fit is left for the next call; a
-- message that is longer than the LARGEST would never be read, and is buried.
local stream, high, low, expiry, claims, waiting, attempts, order, blocked, ledger, dead, fence, paused, scheduled, due =
  unpack(KEYS)
local group, token, lease, count, allowed, limit, heirs, letters, retention = unpack(ARGV)
count, allowed, limit, heirs = tonumber(count), tonumber(allowed), tonumber(limit), tonumber(heirs)
local ROOM, LARGEST, FORGOTTEN, AT_ONCE = 2 ^ 23, 2 ^ 25 + 2 ^ 16, 1000, 2000
local check = 2 * (tonumber(string.sub(token, -7), 16) or 0)
local NOBODY = 'the turn was that of an entry that neither waits nor is claimed'
-- include permissions.lua
-- include queue.lua

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- Step 1. Everything that could fail for a wrong type or a missing permission is asked before the first write, which is
-- the group's move. An error, or nothing.
local last, flying, soonest, isPlain
local isPaused, hasHigh, hasLow = false, false, false
local function examine()
  need('ZMSCORE', ledger, '')
  need('XADD', dead, '*', 'id', '')
  need('ZADD', ledger, 'NX', PINNED, '')
  need('SET', fence, '')
  need('ZADD', waiting, 0, '')
  need('HSET', claims, '', '')
  need('XDEL', stream, '0-0')
  need('ZREM', waiting, '')
  need('HDEL', claims, '')
  need('ZRANGE', waiting, 0, 0)
  need('EXISTS', paused)
  if denied then return denial() end
  -- A fence that cannot be read must not be replaced by one that may be lower.
  last = redis.call('GET', fence) or '0'
  if not string.match(last, '^%d+$') or tonumber(last) >= 2 ^ 53 - 1 then
    return redis.error_reply('ERR ' .. fence .. ' holds no fence: set it to the highest fence that was issued, or ' ..
      'delete it if nothing compares the fences of this queue')
  end
  redis.call('ZCARD', ledger)
  redis.call('XLEN', dead)
  flying = redis.call('HLEN', claims)
  soonest = redis.call('ZRANGE', expiry, 0, 0, 'WITHSCORES')[2]
  -- A queue of plain messages has none of these keys: what it does not use it does not pay for.
  isPlain = redis.call('EXISTS', paused, waiting, attempts, order, blocked, high, low, scheduled, due) == 0
  if isPlain then return end
  need('HGET', order, '')
  if denied then return denial() end
  isPaused = redis.call('GET', paused)
  if isPaused then return end
  redis.call('ZCARD', waiting)
  redis.call('HLEN', attempts)
  redis.call('HLEN', order)
  redis.call('ZCARD', blocked)
  redis.call('ZCARD', scheduled)
  redis.call('XLEN', stream)
  hasHigh, hasLow = redis.call('XLEN', high) > 0, redis.call('XLEN', low) > 0
end

-- Step 2. What has come due gets in line for the turn of its key.
local isBehind, isAlive = false, nil
local function formLines()
  -- include line.lua
  isBehind = adopt()
  isBehind = join(now) or isBehind
end

-- What was found, message by message.
local entries, ids, bodies, kinds, counted, contents, sizes = {}, {}, {}, {}, {}, {}, {}
local bytes = 0
-- What waits on: for its time, or for its turn. And keys whose turn nobody has who lives.
local plans, joins, zeros, lines, turns, holders, stale = {}, {}, {}, {}, {}, {}, {}
-- What no claim, or no place among those that wait, is kept for any longer.
local gone, taken = {}, {}

-- Whether the entry may be claimed; else it stands in line behind the one whose turn it is.
local function hasTurn(key, entry)
  local slot = 'k' .. key
  local holder = holders[slot] or redis.call('HGET', order, slot)
  if holder and holder ~= entry then
    if not holders[slot] and not isAlive(holder) then
      strays[#strays + 1] = {order, slot .. ' ' .. holder, NOBODY}
      stale[#stale + 1] = key
    end
    holders[slot] = holder
    lines[#lines + 1] = 0
    lines[#lines + 1] = line(key) .. place(entry)
    return false
  end
  if not holder then
    local n = #turns
    turns[n + 1], turns[n + 2], turns[n + 3], turns[n + 4] = slot, entry, 'e' .. entry, key
  end
  holders[slot] = entry
  return true
end

local function plan(entry, at, key)
  local list, member = plans, place(entry)
  if key then list, member = joins, member .. ' ' .. key end
  list[#list + 1], list[#list + 2] = string.format('%.0f', at), member
  zeros[#zeros + 1], zeros[#zeros + 2] = entry, 0
end

-- An attempt of 0: how many there were cannot be read.
local function find(entry, fields, attempt, isNew)
  local id, body, kind, key, at = entry, '', '', nil, nil
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'body' then body = value
    elseif name == 'id' then id = value ~= '' and value or entry
    elseif name == 'type' then kind = value
    elseif name == 'key' then key = value ~= '' and value
    elseif name == 'due' then at = tonumber(value) end
  end
  if isNew and at and at > now and at < 2 ^ 53 then return plan(entry, at, key) end
  if key and not hasTurn(key, entry) then return end
  if isNew and bytes >= ROOM then return plan(entry, now) end
  local n, size = #entries + 1, #id + #kind + #body
  entries[n], ids[n], bodies[n], kinds[n], counted[n], contents[n] = entry, id, body, kind, attempt, fields
  sizes[n] = size
  if size <= LARGEST then bytes = bytes + size end
end

-- Finds what was handed out, or tried, before: `notes` has its attempts.
local function findAgain(late, notes, pattern)
  if #late == 0 then return end
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

-- Step 3. The oldest of the expired claims. Those of one call end at one instant: of the last one all are looked at, up
-- to more than any call renews, and fewer than Lua passes to a command.
local function expiredClaims(most)
  if most == 0 or not soonest or tonumber(soonest) > now then return {} end
  local found = redis.call('ZRANGEBYSCORE', expiry, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
  local sorted, instants, final = {}, 0, found[#found]
  local function add(entry)
    if isEntry(entry) then
      sorted[#sorted + 1] = string.format('%09.0f', instants) .. place(entry)
    else
      strays[#strays + 1] = {expiry, entry, 'it is no entry of a stream'}
      gone[#gone + 1] = entry
    end
  end
  for i = 1, #found, 2 do
    if found[i + 1] == final then break end
    if found[i + 1] ~= found[i - 1] then instants = instants + 1 end
    add(found[i])
  end
  instants = instants + 1
  for _, entry in ipairs(redis.call('ZRANGEBYSCORE', expiry, final, final, 'LIMIT', 0, AT_ONCE)) do add(entry) end
  table.sort(sorted)
  local expired = {}
  for i = 1, math.min(#sorted, most) do expired[i] = string.sub(sorted[i], 50) end
  return expired
end

-- Step 4. Those that waited, and whose time has come.
local function wokenMessages(most)
  local woken = {}
  if isPlain or most <= 0 then return woken end
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

-- Step 5. New ones, by priority. An error, or nothing. `isCut`: a stream may have more.
local isCut = false
local function readNew(most)
  -- The only failure left is a full memory, which forbids no write after one that it does not forbid, as XREADGROUP.
  if most <= 0 then redis.call('ZREM', waiting, '') end
  local function read(where, prefix)
    if most <= 0 then return end
    local function fresh()
      return redis.pcall('XREADGROUP', 'GROUP', group, 'holdfast', 'COUNT', most, 'NOACK', 'STREAMS', where, '>')
    end
    local found = fresh()
    if found and found.err and string.sub(found.err, 1, 7) == 'NOGROUP' then
      redis.call('XGROUP', 'CREATE', where, group, '0', 'MKSTREAM')
      found = fresh()
    end
    if found and found.err then return found end
    local stored = found and found[1][2] or {}
    for _, message in ipairs(stored) do find(prefix .. message[1], message[2], 1, true) end
    most = most - #stored
    isCut = most <= 0
  end
  return hasHigh and read(high, 'h') or read(stream, '') or hasLow and read(low, 'l')
end

-- Step 6. Each that was found is claimed, or buried, or removed because its id is committed already.
local finished, expiries, owners, reply = {}, {}, {}, {check, 0, now, -1, 0}
local function handOut()
  local issued = math.max(t[1] * 1000000 + t[2], last + 1)
  local fenceText, ends = string.format('%.0f', issued), string.format('%.0f', now + lease)
  local suffix = ':' .. fenceText .. ':' .. token
  local first = '1' .. suffix
  local scores = redis.call('ZMSCORE', ledger, unpack(ids))
  local buried = false
  for i, entry in ipairs(entries) do
    local attempt = counted[i]
    if scores[i] and scores[i] ~= PINNED then
      finished[#finished + 1] = entry
    elseif attempt == 0 or attempt > allowed or sizes[i] > LARGEST then
      local reason = 'it has ' .. sizes[i] .. ' bytes, which is more than ' .. LARGEST
      if attempt == 0 then reason = 'how many attempts it had could not be read'
      elseif attempt > allowed then reason = 'no outcome was reported: its consumers crashed or lost their claims' end
      prepare()
      redis.call('XADD', dead, '*', unpack(letter(contents[i], entry, math.max(attempt - 1, 0), reason)))
      redis.call('ZADD', ledger, 'NX', PINNED, ids[i])
      finished[#finished + 1] = entry
      buried = true
    else
      local n = #expiries
      expiries[n + 1], expiries[n + 2] = ends, entry
      owners[n + 1], owners[n + 2] = entry, attempt == 1 and first or attempt .. suffix
      local r = #reply
      reply[r + 1], reply[r + 2], reply[r + 3], reply[r + 4], reply[r + 5] = entry, ids[i], bodies[i], attempt, kinds[i]
    end
  end
  if #expiries > 0 then
    redis.call('SET', fence, fenceText)
    redis.call('ZADD', expiry, unpack(expiries))
    redis.call('HSET', claims, unpack(owners))
    reply[2] = issued
  end
  if buried then dropLetters(letters, now + retention) end
end

-- Or, with nothing to do: what need not be remembered any more is forgotten, and what is out of order is mended.
local old = {}
local function tidyUp()
  old = redis.call('ZRANGEBYSCORE', ledger, '-inf', now, 'LIMIT', 0, FORGOTTEN)
  if #old > 0 then redis.call('ZREM', ledger, unpack(old)) end
  -- include heal.lua
end

-- Step 7. What became of the others is written down, and turns that are free are given on.
local function writeDown(woken)
  if #taken > 0 then redis.call('ZREM', waiting, unpack(taken)) end
  if #woken > 0 then redis.call('HDEL', attempts, unpack(woken)) end
  if #plans > 0 then redis.call('ZADD', waiting, unpack(plans)) end
  if #joins > 0 then redis.call('ZADD', scheduled, unpack(joins)) end
  if #zeros > 0 then redis.call('HSET', attempts, unpack(zeros)) end
  if #turns > 0 then redis.call('HSET', order, unpack(turns)) end
  if #lines > 0 then redis.call('ZADD', blocked, unpack(lines)) end
  if #finished > 0 then delete(finished) end
  for _, entry in ipairs(finished) do gone[#gone + 1] = entry end
  if #gone > 0 then
    redis.call('ZREM', expiry, unpack(gone))
    redis.call('HDEL', claims, unpack(gone))
    prepare()
    passOn(gone, now)
  end
  for _, key in ipairs(stale) do
    local holder = redis.call('HGET', order, 'k' .. key)
    if not (holder and isAlive(holder)) then
      if holder then redis.call('HDEL', order, 'e' .. holder) end
      giveTurn(key, now)
    end
  end
  if #strays > 0 then
    local told = setAside()
    table.insert(told, 1, reply[5])
    reply[5] = told
    dropLetters(letters, now + retention)
  end
end

-- Step 8. At once, if there is more than could be looked at; no sooner than in 100 ms, if it must not be taken over yet.
-- Room in a queue that is full is told on its channel.
local function askAgainAt(heirsCame, hasRoom)
  if bytes >= ROOM or isBehind or isCut and #zeros + #lines + #finished > 0 then return now end
  local at = -1
  if heirsCame + #gone > 0 then soonest = redis.call('ZRANGE', expiry, 0, 0, 'WITHSCORES')[2] end
  local ends = soonest and tonumber(soonest)
  if #expiries > 0 then ends = math.min(ends or math.huge, now + lease) end
  if ends then at = math.max(ends, heirs < count and heirsCame == heirs and now + 100 or 0) end
  if (not isPlain or #zeros + #gone > 0) and hasRoom then
    for _, set in ipairs({waiting, scheduled}) do
      local comes = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2]
      if comes and (at < 0 or tonumber(comes) < at) then at = math.max(tonumber(comes), 0) end
    end
  end
  -- Soon, if there is more to forget, but not so soon that the server does little else.
  if #old == FORGOTTEN and (at < 0 or at > now + 20) then at = now + 20 end
  -- Somebody else's infinite instant is none.
  return math.min(at, 2 ^ 53)
end

local problem = examine()
if problem then return problem end
if isPaused then return reply end
if not isPlain or soonest and tonumber(soonest) <= now then prepare() end
if not isPlain then formLines() end

local expired = expiredClaims(math.min(count, heirs))
local left = count - #expired
-- Expired claims count as they did before: taking one over needs no room.
local room = limit > 0 and math.max(limit - flying, 0) or left
local wanted = isBehind and 0 or math.min(left, room)
local woken = wokenMessages(wanted)
findAgain(expired, claims, '^(%d+):%d+:.')
findAgain(woken, attempts, '^%d+$')
for _, entry in ipairs(woken) do taken[#taken + 1] = place(entry) end
problem = readNew(bytes < ROOM and wanted - #woken or 0)
if problem then return problem end

reply[5] = #expired
if #entries > 0 then handOut() elseif #zeros == 0 then tidyUp() end
writeDown(woken)
reply[4] = askAgainAt(#expired, room >= left)
return reply
