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

-- Each call pays for each function that it defines, and for each local that the function takes from outside, the more
-- the further up that one stands. So functions get keys as arguments, and what few calls need is included where it is.

-- Asks everything that could fail for a wrong type or a missing permission, before the first write, which is the group's
-- move. The answer where nothing can be claimed, else nil and what was seen.
local function examine(
  stream, high, low, expiry, claims, waiting, attempts, order, blocked, ledger, dead, fence, paused, scheduled, due)
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
  local last = redis.call('GET', fence) or '0'
  if not string.match(last, '^%d+$') or tonumber(last) >= 2 ^ 53 - 1 then
    return redis.error_reply('ERR ' .. fence .. ' holds no fence: set it to the highest fence that was issued, or ' ..
      'delete it if nothing compares the fences of this queue')
  end
  redis.call('ZCARD', ledger)
  redis.call('XLEN', dead)
  local flying, soonest = redis.call('HLEN', claims), redis.call('ZRANGE', expiry, 0, 0, 'WITHSCORES')[2]
  -- A queue of plain messages has none of these keys: what it does not use it does not pay for.
  local isPlain = redis.call('EXISTS', paused, waiting, attempts, order, blocked, high, low, scheduled, due) == 0
  if isPlain then return nil, last, flying, soonest, true end
  need('HGET', order, '')
  if denied then return denial() end
  if redis.call('GET', paused) then return {check, 0, now, -1, 0} end
  redis.call('ZCARD', waiting)
  redis.call('HLEN', attempts)
  redis.call('HLEN', order)
  redis.call('ZCARD', blocked)
  redis.call('ZCARD', scheduled)
  redis.call('XLEN', stream)
  local hasHigh, hasLow = redis.call('XLEN', high) > 0, redis.call('XLEN', low) > 0
  return nil, last, flying, soonest, false, hasHigh, hasLow
end

-- What was found: the messages, and their ids.
local found, ids, bytes = {}, {}, 0
-- What waits on: for its time, or for its turn. And keys whose turn nobody has who lives.
local plans, joins, zeros, lines, turns, holders, stale = {}, {}, {}, {}, {}, {}, {}
-- What no claim, or no place among those that wait, is kept for any longer.
local gone, taken = {}, {}
local oldestExpired, dueOnes, findAgain, isAlive

-- Whether the entry may be claimed; else it stands in line behind the one whose turn it is.
local function hasTurn(order, key, entry)
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
  if key and not hasTurn(order, key, entry) then return end
  if isNew and bytes >= ROOM then return plan(entry, now) end
  local n, size = #ids + 1, #id + #kind + #body
  found[n] = {entry = entry, body = body, kind = kind, attempt = attempt, fields = fields, size = size}
  ids[n] = id
  if size <= LARGEST then bytes = bytes + size end
end

-- Reads new messages of one stream, if more are wanted. An error, or nothing.
local wanted, isCut = 0, false
local function readNew(group, where, prefix)
  if wanted <= 0 then return end
  local function fresh()
    return redis.pcall('XREADGROUP', 'GROUP', group, 'holdfast', 'COUNT', wanted, 'NOACK', 'STREAMS', where, '>')
  end
  local answer = fresh()
  if answer and answer.err and string.sub(answer.err, 1, 7) == 'NOGROUP' then
    redis.call('XGROUP', 'CREATE', where, group, '0', 'MKSTREAM')
    answer = fresh()
  end
  if answer and answer.err then return answer end
  local stored = answer and answer[1][2] or {}
  for _, message in ipairs(stored) do find(prefix .. message[1], message[2], 1, true) end
  wanted = wanted - #stored
  isCut = wanted <= 0
end

-- A message that no handler gets is a dead letter.
local function bury(message, id, allowed)
  local attempt = message.attempt
  local reason = 'it has ' .. message.size .. ' bytes, which is more than ' .. LARGEST
  if attempt == 0 then reason = 'how many attempts it had could not be read'
  elseif attempt > allowed then reason = 'no outcome was reported: its consumers crashed or lost their claims' end
  prepare()
  redis.call('XADD', dead, '*', unpack(letter(message.fields, message.entry, math.max(attempt - 1, 0), reason)))
  redis.call('ZADD', ledger, 'NX', PINNED, id)
end

-- Claims what was found, but what is dead or done. Whether anything is claimed.
local function handOut(issued, reply, finished, ledger, expiry, claims, fence)
  local fenceText, ends = string.format('%.0f', issued), string.format('%.0f', now + lease)
  local suffix = ':' .. fenceText .. ':' .. token
  local first = '1' .. suffix
  local scores, expiries, owners, buried = redis.call('ZMSCORE', ledger, unpack(ids)), {}, {}, false
  for i, message in ipairs(found) do
    local entry, attempt = message.entry, message.attempt
    if scores[i] and scores[i] ~= PINNED then
      finished[#finished + 1] = entry
    elseif attempt == 0 or attempt > allowed or message.size > LARGEST then
      bury(message, ids[i], allowed)
      finished[#finished + 1] = entry
      buried = true
    else
      local n, r = #expiries, #reply
      expiries[n + 1], expiries[n + 2] = ends, entry
      owners[n + 1], owners[n + 2] = entry, attempt == 1 and first or attempt .. suffix
      reply[r + 1], reply[r + 2], reply[r + 3], reply[r + 4], reply[r + 5] = entry, ids[i], message.body, attempt,
        message.kind
    end
  end
  if #expiries > 0 then
    redis.call('SET', fence, fenceText)
    redis.call('ZADD', expiry, unpack(expiries))
    redis.call('HSET', claims, unpack(owners))
    reply[2] = issued
  end
  if buried then dropLetters(letters, now + retention) end
  return #expiries > 0
end

-- The steps. First the checks.
local answer, last, flying, soonest, isPlain, hasHigh, hasLow = examine(unpack(KEYS))
if answer then return answer end

-- What has come due gets in line for the turn of its key.
local hasExpired, isBehind = soonest and tonumber(soonest) <= now, false
if not isPlain or hasExpired then
  -- include again.lua
  prepare()
end
if not isPlain then
  -- include line.lua
  isBehind = adopt()
  isBehind = join(now) or isBehind
end

-- Expired claims are found first, then what waited, then what is new.
local expired = hasExpired and oldestExpired(math.min(count, heirs)) or {}
local left = count - #expired
-- Expired claims count as they did before: taking one over needs no room.
local room = limit > 0 and math.max(limit - flying, 0) or left
wanted = isBehind and 0 or math.min(left, room)
local woken = not isPlain and dueOnes(wanted) or {}
if #expired > 0 then findAgain(expired, claims, '^(%d+):%d+:.') end
if #woken > 0 then findAgain(woken, attempts, '^%d+$') end
for _, entry in ipairs(woken) do taken[#taken + 1] = place(entry) end
wanted = bytes < ROOM and wanted - #woken or 0
-- The only failure left is a full memory, which forbids no write after one that it does not forbid, as XREADGROUP.
if wanted <= 0 then redis.call('ZREM', waiting, '') end
local failure = hasHigh and readNew(group, high, 'h') or readNew(group, stream, '') or
  hasLow and readNew(group, low, 'l')
if failure then return failure end

-- What was found is handed out.
local reply, finished, forgotten, claimed = {check, 0, now, -1, #expired}, {}, 0, false
if #found > 0 then
  local issued = math.max(t[1] * 1000000 + t[2], last + 1)
  claimed = handOut(issued, reply, finished, ledger, expiry, claims, fence)
elseif #zeros == 0 then
  -- With nothing to do, what need not be remembered any more is forgotten, and what is out of order is mended.
  local old = redis.call('ZRANGEBYSCORE', ledger, '-inf', now, 'LIMIT', 0, FORGOTTEN)
  forgotten = #old
  if #old > 0 then redis.call('ZREM', ledger, unpack(old)) end
  -- include heal.lua
end

-- What became of the others is written down, and turns that are free are given on.
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
  reply[5] = setAside()
  table.insert(reply[5], 1, #expired)
  dropLetters(letters, now + retention)
end

-- At once, if there is more than could be looked at; no sooner than in 100 ms, if it must not be taken over yet. Room
-- in a queue that is full is told on its channel.
if bytes >= ROOM or isBehind or isCut and #zeros + #lines + #finished > 0 then
  reply[4] = now
else
  if #expired + #gone > 0 then soonest = redis.call('ZRANGE', expiry, 0, 0, 'WITHSCORES')[2] end
  local ends = soonest and tonumber(soonest)
  if claimed then ends = math.min(ends or math.huge, now + lease) end
  if ends then reply[4] = math.max(ends, heirs < count and #expired == heirs and now + 100 or 0) end
  if (not isPlain or #zeros + #gone > 0) and room >= left then
    for _, set in ipairs({waiting, scheduled}) do
      local comes = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2]
      if comes and (reply[4] < 0 or tonumber(comes) < reply[4]) then reply[4] = math.max(tonumber(comes), 0) end
    end
  end
  -- Soon, if there is more to forget, but not so soon that the server does little else.
  if forgotten == FORGOTTEN and (reply[4] < 0 or reply[4] > now + 20) then reply[4] = now + 20 end
  -- Somebody else's infinite instant is none.
  reply[4] = math.min(reply[4], 2 ^ 53)
end
return reply
