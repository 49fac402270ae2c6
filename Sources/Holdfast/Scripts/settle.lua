-- Settles handled messages: applies their effects and removes them, plans a retry, buries them or hands them back.
--
-- KEYS  1 stream   2 due   3 claims   4 ledger   5 dead letters   6... keys of effects
-- ARGV  1 ms for which a commit is remembered   2 number of the call   then for each message: entry, id, owner, verb, parameter
--       'commit'  number of effects, which follow, each: command, number of its key, its other arguments
--       'retry'   ms until the next attempt
--       'bury'    reason
--       'return'  '' (the attempt does not count)
-- Reply twice the number, then one string for each message: 'committed', 'retried', 'buried', 'returned';
--       'already': its id was committed before; 'lost': the claim is not the caller's any more;
--       'refused: <why>': an effect cannot be applied, and nothing was changed
--
-- A message's effects, its ledger entry and its end in the queue are one step, taken only by the owner of its
-- claim, and only while the ledger does not know its id. A repeated commit finds its id in the ledger, so a commit
-- whose reply was lost is repeated. A script that fails half way is not rolled back: all checks stand before the
-- first write. A commit's first write is XDEL, which a full memory does not forbid; after it Redis forbids none.
local PINNED = 'inf'
local stream, due, claims, ledger, dead = unpack(KEYS)
local check = 2 * ARGV[2]

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
}

-- The rules of the caller's ACL user hold inside a script, and a script that fails half way is not rolled back: a
-- write that would be forbidden is known before the first write. Redis before 7.0 cannot be asked.
local denied
local function need(command, ...)
  if not denied and redis.acl_check_cmd and not redis.acl_check_cmd(command, ...) then denied = command end
end
local function denial()
  return redis.error_reply("NOPERM this user has no permissions to run the '" .. denied .. "' command on these keys")
end

-- Each message by where it starts in ARGV.
local starts, entries, ids = {}, {}, {}
local at = 3
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

local function refusal(i, past)
  local newKinds, newValues = setmetatable({}, {__index = kinds}), setmetatable({}, {__index = values})
  while i < past do
    local name = ARGV[i]
    local effect, key = EFFECTS[name], KEYS[5 + ARGV[i + 1]]
    local counts = name == 'INCRBY' or name == 'HINCRBY'
    local field = effect.kind == 'hash' and ARGV[i + 2]
    local slot = field and key .. '\0' .. field or key
    local value = newValues[slot]
    if newKinds[key] and newKinds[key] ~= effect.kind and name ~= 'SET' then
      return 'WRONGTYPE ' .. key .. ' is used as a ' .. newKinds[key]
    end
    need(name, key, unpack(ARGV, i + 2, i + 1 + effect.width))
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
    newKinds[key] = effect.kind
    i = i + 2 + effect.width
  end
  for key, kind in pairs(newKinds) do kinds[key] = kind end
  for slot, value in pairs(newValues) do values[slot] = value end
end

local owners = redis.call('HMGET', claims, unpack(entries))
local scores = redis.call('ZMSCORE', ledger, unpack(ids))
redis.call('ZCARD', due)
redis.call('XLEN', dead)
local committed, letters, reply = {}, {}, {}
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
    local stored = redis.call('XRANGE', stream, entry, entry)[1]
    letters[n], reply[n] = stored and stored[2] or {}, 'buried'
  else
    reply[n] = verb == 'retry' and 'retried' or 'returned'
  end
  -- Over for this entry, unless it is somebody else's by now.
  owners[n] = ours
end

-- A missing permission is no fault of a message: nothing is settled.
need('XDEL', stream, '0-0')
need('ZREM', due, '')
need('HDEL', claims, '')
need('ZADD', due, 0, '')
need('HSET', claims, '', '')
need('ZADD', ledger, PINNED, '')
need('XADD', dead, '*', 'id', '')
need('ZRANGEBYSCORE', ledger, '-inf', 0)
need('ZREM', ledger, '')
if denied then return denial() end

-- Writes.
local ended, waiting, plans, records = {}, {}, {}, {}
local forget = string.format('%.0f', now + ARGV[1])
for n, entry in ipairs(entries) do
  local verdict, w, r = reply[n], #waiting, #records
  if verdict == 'committed' or verdict == 'buried' then
    ended[#ended + 1] = entry
    records[r + 1], records[r + 2] = verdict == 'committed' and forget or PINNED, ids[n]
  elseif verdict == 'already' and owners[n] then
    ended[#ended + 1] = entry
  elseif verdict == 'retried' or verdict == 'returned' then
    local attempt = tonumber(string.match(ARGV[starts[n] + 2], '^%d+'))
    if verdict == 'returned' then attempt = attempt - 1 end
    waiting[w + 1], waiting[w + 2] = entry, attempt .. ':-:-'
    plans[w + 1], plans[w + 2] = verdict == 'retried' and now + ARGV[starts[n] + 4] or now, entry
  end
end
if #ended > 0 then
  redis.call('XDEL', stream, unpack(ended))
  redis.call('ZREM', due, unpack(ended))
  redis.call('HDEL', claims, unpack(ended))
end
if #waiting > 0 then
  redis.call('ZADD', due, unpack(plans))
  redis.call('HSET', claims, unpack(waiting))
end
if #records > 0 then redis.call('ZADD', ledger, unpack(records)) end
for n, entry in ipairs(entries) do
  local i = starts[n] + 5
  while reply[n] == 'committed' and i < starts[n + 1] do
    local width = EFFECTS[ARGV[i]].width
    redis.call(ARGV[i], KEYS[5 + ARGV[i + 1]], unpack(ARGV, i + 2, i + 1 + width))
    i = i + 2 + width
  end
  local letter = letters[n]
  if letter then
    local attempts, reason = string.match(ARGV[starts[n] + 2], '^%d+'), ARGV[starts[n] + 4]
    for _, field in ipairs({'entry', entry, 'attempts', attempts, 'reason', reason}) do
      letter[#letter + 1] = field
    end
    redis.call('XADD', dead, '*', unpack(letter))
  end
end

-- Twice as many old ids are forgotten as can be added: the ledger shrinks to what is remembered.
local old = redis.call('ZRANGEBYSCORE', ledger, '-inf', now, 'LIMIT', 0, 2 * #entries)
if #old > 0 then redis.call('ZREM', ledger, unpack(old)) end
table.insert(reply, 1, check)
return reply
