-- Claims messages: first those whose claim expired or whose retry is due, then new ones.
--
-- KEYS  1 stream   2 due: entry -> ms at which its claim expires or its retry is due   3 claims: entry -> owner
--       4 fence   5 ledger: id -> PINNED while the message exists, then ms until which its commit is remembered
--       6 dead letters
-- ARGV  1 consumer group   2 token, new for each call   3 lease in ms   4 how many   5 attempts allowed
-- Reply {check, fence, now ms, ms of the next due entry or -1, then for each claim: entry, id, body, attempt},
--       where check is twice the number that the last seven digits of the token spell
--
-- An owner is '<attempt>:<fence>:<token>', and '<attempt>:-:-' while the message waits for a retry. Attempts are
-- counted here, before anything runs, so a message that kills its worker still reaches the dead letters. A message
-- whose id is committed already is removed instead of being handed out again.
-- Expiry has one source, `due`. The group only remembers how far the stream was read: nothing is pending in it.
local PINNED = 'inf'
local stream, due, claims, fence, ledger, dead = unpack(KEYS)
local group, token, lease, count, allowed = unpack(ARGV)
count, allowed = tonumber(count), tonumber(allowed)
local check = 2 * (tonumber(string.sub(token, -7), 16) or 0)

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- The rules of the caller's ACL user hold inside a script, and a script that fails half way is not rolled back: a
-- write that would be forbidden is known before the first write. Redis before 7.0 cannot be asked.
local denied
local function need(command, ...)
  if not denied and redis.acl_check_cmd and not redis.acl_check_cmd(command, ...) then denied = command end
end
local function denial()
  return redis.error_reply("NOPERM this user has no permissions to run the '" .. denied .. "' command on these keys")
end

-- What was found, message by message.
local entries, ids, bodies, attempts, contents = {}, {}, {}, {}, {}
local function find(entry, fields, attempt)
  local n = #entries + 1
  local id, body = entry, ''
  for i = 1, #fields, 2 do
    local name = fields[i]
    if name == 'body' then body = fields[i + 1] elseif name == 'id' then id = fields[i + 1] end
  end
  entries[n], ids[n], bodies[n], attempts[n], contents[n] = entry, id, body, attempt, fields
end

-- Everything that could fail for a wrong type or a missing permission is asked before the first write, which is the group's move.
need('ZMSCORE', ledger, '')
need('XADD', dead, '*', 'id', '')
need('ZADD', ledger, 'NX', PINNED, '')
need('SET', fence, '')
need('ZADD', due, 0, '')
need('HSET', claims, '', '')
need('XDEL', stream, '0-0')
need('ZREM', due, '')
need('HDEL', claims, '')
need('ZRANGE', due, 0, 0)
if denied then return denial() end
local gone = {}
local last = tonumber(redis.call('GET', fence) or 0) or 0
redis.call('ZCARD', ledger)
redis.call('HLEN', claims)
redis.call('XLEN', dead)
local late = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, count)
if #late > 0 then
  local owners = redis.call('HMGET', claims, unpack(late))
  for i, entry in ipairs(late) do
    local stored = redis.call('XRANGE', stream, entry, entry)[1]
    if stored then
      find(entry, stored[2], tonumber(string.match(owners[i] or '0', '^%d+')) + 1)
    else
      gone[#gone + 1] = entry
    end
  end
end
if #late < count then
  local function read()
    return redis.pcall('XREADGROUP', 'GROUP', group, 'holdfast', 'COUNT', count - #late, 'NOACK',
      'STREAMS', stream, '>')
  end
  local fresh = read()
  if fresh and fresh.err and string.sub(fresh.err, 1, 7) == 'NOGROUP' then
    redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
    fresh = read()
  end
  if fresh and fresh.err then return fresh end
  for _, stored in ipairs(fresh and fresh[1][2] or {}) do find(stored[1], stored[2], 1) end
end

local finished, expiries, owners, reply = {}, {}, {}, {check, 0, now, -1}
if #entries > 0 then
  local issued = math.max(t[1] * 1000000 + t[2], last + 1)
  local fenceText, expiry = string.format('%.0f', issued), string.format('%.0f', now + lease)
  local suffix = ':' .. fenceText .. ':' .. token
  local fresh = '1' .. suffix
  local scores = redis.call('ZMSCORE', ledger, unpack(ids))
  for i, entry in ipairs(entries) do
    local attempt = attempts[i]
    if scores[i] and scores[i] ~= PINNED then
      finished[#finished + 1] = entry
    elseif attempt > allowed then
      local letter = contents[i]
      for _, field in ipairs({'entry', entry, 'attempts', attempt - 1,
        'reason', 'no outcome was reported: its consumers crashed or lost their claims'}) do
        letter[#letter + 1] = field
      end
      redis.call('XADD', dead, '*', unpack(letter))
      redis.call('ZADD', ledger, 'NX', PINNED, ids[i])
      finished[#finished + 1] = entry
    else
      local n = #expiries
      expiries[n + 1], expiries[n + 2] = expiry, entry
      owners[n + 1], owners[n + 2] = entry, attempt == 1 and fresh or attempt .. suffix
      local r = #reply
      reply[r + 1], reply[r + 2], reply[r + 3], reply[r + 4] = entry, ids[i], bodies[i], attempt
    end
  end
  if #expiries > 0 then
    redis.call('SET', fence, fenceText)
    redis.call('ZADD', due, unpack(expiries))
    redis.call('HSET', claims, unpack(owners))
    reply[2] = issued
  end
end
if #finished > 0 then redis.call('XDEL', stream, unpack(finished)) end
for _, entry in ipairs(finished) do gone[#gone + 1] = entry end
if #gone > 0 then
  redis.call('ZREM', due, unpack(gone))
  redis.call('HDEL', claims, unpack(gone))
end
local next = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
if next then reply[4] = tonumber(next) end
return reply
