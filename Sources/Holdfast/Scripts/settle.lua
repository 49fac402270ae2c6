-- Settles handled messages: applies their effects and removes them, plans a retry, buries them or hands them back.
--
-- KEYS  1-3 streams of usual, high and low priority   4 expiry   5 claims   6 waiting   7 attempts   8 order   9 blocked
--       10 ledger   11 dead letters: see claim.lua   12... keys of effects
-- ARGV  1 ms for which a commit is remembered   2 number of the call   3 channel that wakes consumers
--       4 how many dead letters are kept   5 1 if the queue's claims are limited in all, else 0
--       then for each message: entry, id, owner, verb, parameter
--       'commit'  number of effects, which follow, each: command, number of its key, its other arguments
--       'retry'   ms until the next attempt
--       'bury'    reason
--       'return'  ms until it may be claimed again (the attempt does not count)
-- Reply twice the number, then one string for each message: 'committed', 'retried', 'buried', 'returned';
--       'already': its id was committed before; 'lost': the claim is not the caller's any more;
--       'refused: <why>': an effect cannot be applied, and nothing was changed. Behind them, where something was set
--       aside: its key, what was found there, and so on
--
-- A message's effects, its ledger entry and its end in the queue are one step, taken only by the owner of its
-- claim, and only while the ledger does not know its id. A repeated commit finds its id in the ledger, so a commit
-- whose reply was lost is repeated. A script that fails half way is not rolled back: all checks stand before the
-- first write. That is XDEL or ZREM, which a full memory does not forbid; after it Redis forbids none.
local stream, high, low, expiry, claims, waiting, attempts, order, blocked, ledger, dead = unpack(KEYS)
local check, channel, letters, limited = 2 * ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
local FIRST_MESSAGE, EFFECT_KEYS = 6, 11
-- include permissions.lua
-- include queue.lua

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- What each effect needs: a type of key, the command that proves it, and how many arguments after the key.
local EFFECTS = {
  INCRBY = {kind = 'string', probe = 'GET', width = 1},
  SET = {kind = 'string', width = 1},
  HINCRBY = {kind = 'hash', probe = 'HGET', width = 2},
  HSET = {kind = 'hash', probe = 'HLEN', width = 2},
  SADD = {kind = 'set', probe = 'SCARD', width = 1},
  RPUSH = {kind = 'list', probe = 'LLEN', width = 1},
  -- A message to another queue. Its arguments: number of the ledger's key, channel, id, type, body, ms from now or '',
  -- ms since 1970 or '', before which it is not claimed, ordering key or ''.
  SEND = {width = 8},
}

-- Each message by where it starts in ARGV.
local starts, entries, ids = {}, {}, {}
local at = FIRST_MESSAGE
while ARGV[at] do
  local n = #starts + 1
  starts[n], entries[n], ids[n] = at, ARGV[at], ARGV[at + 1]
  local effects = ARGV[at + 3] == 'commit' and tonumber(ARGV[at + 4]) or 0
  at = at + 5
  for _ = 1, effects do at = at + 2 + EFFECTS[ARGV[at]].width end
end
starts[#starts + 1] = at

-- Checks. `kinds` and `values` foresee what the effects accepted so far make of the keys.
local kinds, values = {}, {}

local function integer(text)
  if type(text) == 'number' or text == '0' or string.match(text, '^-?[1-9]%d*$') then return tonumber(text) end
end

local function probe(effect, key, field)
  local arguments = effect.probe == 'HGET' and {key, field} or {key}
  need(effect.probe, unpack(arguments))
  if denied then return false end
  local value = redis.pcall(effect.probe, unpack(arguments))
  if type(value) == 'table' and string.find(value.err, 'The user executing the script', 1, true) then
    denied, value = effect.probe, false
  end
  return value
end

local function sendRefusal(i)
  local where, list = KEYS[EFFECT_KEYS + ARGV[i + 1]], KEYS[EFFECT_KEYS + ARGV[i + 2]]
  need('XADD', where, '*', 'id', '')
  need('ZADD', list, 'NX', PINNED, '')
  need('PUBLISH', ARGV[i + 3], '')
  for key, command in pairs({[where] = 'XLEN', [list] = 'ZCARD'}) do
    local value = probe({probe = command}, key)
    if type(value) == 'table' then return value.err .. ' (' .. key .. ')' end
  end
end

local function refusal(i, past)
  local newKinds, newValues = setmetatable({}, {__index = kinds}), setmetatable({}, {__index = values})
  while i < past do
    local name = ARGV[i]
    local effect, key = EFFECTS[name], KEYS[EFFECT_KEYS + ARGV[i + 1]]
    local counts = name == 'INCRBY' or name == 'HINCRBY'
    local field = effect.kind == 'hash' and ARGV[i + 2]
    local slot = field and key .. '\0' .. field or key
    local value = newValues[slot]
    local isSent = name == 'SEND'
    if isSent then
      local why = sendRefusal(i)
      if why then return why end
    end
    if not isSent and newKinds[key] and newKinds[key] ~= effect.kind and name ~= 'SET' then
      return 'WRONGTYPE ' .. key .. ' is used as a ' .. newKinds[key]
    end
    if not isSent then need(name, key, unpack(ARGV, i + 2, i + 1 + effect.width)) end
    if effect.probe and not (counts and value or not counts and newKinds[key]) then
      value = probe(effect, key, field)
      if type(value) == 'table' then return value.err .. ' (' .. key .. ')' end
    end
    if counts then
      local sum = integer(value or '0')
      sum = sum and sum + ARGV[i + 1 + effect.width]
      -- A little less than 2^63, where Lua's numbers are exact to 1024.
      if not sum or math.abs(sum) > 9.2e18 then return 'ERR an integer out of range (' .. key .. ')' end
      newValues[slot] = sum
    elseif effect.kind == 'hash' or effect.kind == 'string' then
      newValues[slot] = ARGV[i + 1 + effect.width]
    end
    if not isSent then newKinds[key] = effect.kind end
    i = i + 2 + effect.width
  end
  for key, kind in pairs(newKinds) do kinds[key] = kind end
  for slot, value in pairs(newValues) do values[slot] = value end
end

local owners = redis.call('HMGET', claims, unpack(entries))
local scores = redis.call('ZMSCORE', ledger, unpack(ids))
redis.call('ZCARD', expiry)
redis.call('XLEN', dead)
-- A queue of plain messages has none of these keys.
local isPlain = redis.call('EXISTS', waiting, attempts, order, blocked) == 0
if not isPlain then
  redis.call('ZCARD', waiting)
  redis.call('HLEN', attempts)
  redis.call('HLEN', order)
  redis.call('ZCARD', blocked)
  need('HGET', order, '')
end
local committed, buried, contents, reply = {}, {}, {}, {}
for n, entry in ipairs(entries) do
  local start, id = starts[n], ids[n]
  local ours = owners[n] == ARGV[start + 2]
  local verb = ARGV[start + 3]
  if committed[id] or scores[n] and scores[n] ~= PINNED then
    reply[n] = 'already'
  elseif not ours then
    reply[n] = 'lost'
  elseif verb == 'commit' then
    local why = ARGV[start + 4] ~= '0' and refusal(start + 5, starts[n + 1])
    reply[n], committed[id] = why and 'refused: ' .. why or 'committed', not why
  elseif verb == 'bury' then
    buried[#buried + 1] = n
    contents[n], reply[n] = content(entry) or {}, 'buried'
  else
    reply[n] = verb == 'retry' and 'retried' or 'returned'
  end
  -- Over for this entry, unless it is somebody else's by now.
  owners[n] = ours
end

-- A missing permission is no fault of a message: nothing is settled.
need('XDEL', stream, '0-0')
need('ZREM', waiting, '')
need('HDEL', claims, '')
need('ZADD', waiting, 0, '')
need('HSET', claims, '', '')
need('ZADD', ledger, PINNED, '')
need('XADD', dead, '*', 'id', '')
need('PUBLISH', channel, '')
need('ZRANGEBYSCORE', ledger, '-inf', 0)
need('ZREM', ledger, '')
if denied then return denial() end

-- Writes.
local ended, over, plans, used, records = {}, {}, {}, {}, {}
local forget = string.format('%.0f', now + ARGV[1])
for n, entry in ipairs(entries) do
  local verdict, w, r = reply[n], #plans, #records
  if verdict == 'committed' or verdict == 'buried' then
    ended[#ended + 1] = entry
    records[r + 1], records[r + 2] = verdict == 'committed' and forget or PINNED, ids[n]
  elseif verdict == 'already' and owners[n] then
    ended[#ended + 1] = entry
  elseif verdict == 'retried' or verdict == 'returned' then
    local attempt = tonumber(string.match(ARGV[starts[n] + 2], '^%d+'))
    if verdict == 'returned' then attempt = attempt - 1 end
    over[#over + 1] = entry
    plans[w + 1], plans[w + 2] = now + ARGV[starts[n] + 4], place(entry)
    used[w + 1], used[w + 2] = entry, attempt
  end
end
if #ended > 0 then
  delete(ended)
  for _, entry in ipairs(ended) do over[#over + 1] = entry end
end
if #over > 0 then
  redis.call('ZREM', expiry, unpack(over))
  redis.call('HDEL', claims, unpack(over))
end
if #plans > 0 then
  redis.call('ZADD', waiting, unpack(plans))
  redis.call('HSET', attempts, unpack(used))
end
if #records > 0 then redis.call('ZADD', ledger, unpack(records)) end
local woken = {}
local function send(i)
  local id, instant = ARGV[i + 4], ARGV[i + 8]
  if redis.call('ZADD', KEYS[EFFECT_KEYS + ARGV[i + 2]], 'NX', PINNED, id) == 0 then return end
  if ARGV[i + 7] ~= '' then instant = string.format('%.0f', math.min(now + ARGV[i + 7], 2 ^ 53 - 1)) end
  local fields = {'id', id, 'type', ARGV[i + 5], 'body', ARGV[i + 6]}
  for name, value in pairs({due = instant, key = ARGV[i + 9]}) do
    if value ~= '' then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
  redis.call('XADD', KEYS[EFFECT_KEYS + ARGV[i + 1]], '*', unpack(fields))
  woken[ARGV[i + 3]] = true
end
for n in ipairs(entries) do
  local i = starts[n] + 5
  while reply[n] == 'committed' and i < starts[n + 1] do
    local name = ARGV[i]
    local width = EFFECTS[name].width
    if name == 'SEND' then
      send(i)
    else
      redis.call(name, KEYS[EFFECT_KEYS + ARGV[i + 1]], unpack(ARGV, i + 2, i + 1 + width))
    end
    i = i + 2 + width
  end
end
if #buried > 0 or not isPlain then prepare() end
for _, n in ipairs(buried) do
  local start = starts[n]
  local attempt = string.match(ARGV[start + 2], '^%d+')
  redis.call('XADD', dead, '*', unpack(letter(contents[n], entries[n], attempt, ARGV[start + 4])))
end
if #buried > 0 then dropLetters(letters, forget) end
-- Consumers that wait for a turn or for room are woken.
if not isPlain and passOn(ended, now) or limited and #over > 0 then woken[channel] = true end
for where in pairs(woken) do redis.call('PUBLISH', where, '') end

-- Twice as many old ids are forgotten as can be added: the ledger shrinks to what is remembered.
local old = redis.call('ZRANGEBYSCORE', ledger, '-inf', now, 'LIMIT', 0, 2 * #entries)
if #old > 0 then redis.call('ZREM', ledger, unpack(old)) end
table.insert(reply, 1, check)
if #strays > 0 then
  for _, text in ipairs(setAside()) do reply[#reply + 1] = text end
end
return reply
