-- Removes dead letters for good.
--
-- KEYS  1 dead letters   2 ledger
-- ARGV  1 number of the call   2 for how many ms the ids of their messages stay known, '' to forget them   then the ids
--       that the letters have in their stream
-- Reply twice the number, then one value for each: the id of its message, its own if it has none, or false if there is
--       no such letter
--
-- An id that stays known is one of a message that is done: nobody can add it meanwhile. One that is forgotten can be sent
-- again at once. Only an id that is pinned, or not known, is changed: one that was committed keeps its time.
local PINNED = 'inf'
local dead, ledger, retention = KEYS[1], KEYS[2], ARGV[2]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include permissions.lua
-- include queue.lua
prepare()

local letters, ids, known = {}, {}, {}
for i = 3, #ARGV do
  local stored = redis.call('XRANGE', dead, ARGV[i], ARGV[i])[1]
  if stored then
    local fields = stored[2]
    local own = seam(fields)
    -- What was set aside is no message, and has no id.
    local id = own and fields[own + 1]
    for n = 1, (own or 1) - 1, 2 do
      if fields[n] == 'id' and fields[n + 1] ~= '' then id = fields[n + 1] end
    end
    letters[i], ids[i], known[i] = stored[1], id, id and redis.call('ZMSCORE', ledger, id)[1]
  end
end
redis.call('ZCARD', ledger)
need('XDEL', dead, '0-0')
need('ZADD', ledger, PINNED, '')
need('ZREM', ledger, '')
if denied then return denial() end

local reply = {2 * ARGV[1]}
for i = 3, #ARGV do
  local id = ids[i]
  reply[i - 1] = false
  if letters[i] and redis.call('XDEL', dead, ARGV[i]) == 1 then
    reply[i - 1] = id or letters[i]
    if not id or known[i] and known[i] ~= PINNED then
      -- Nothing to remember, or done already.
    elseif retention == '' then
      redis.call('ZREM', ledger, id)
    else
      redis.call('ZADD', ledger, string.format('%.0f', now + retention), id)
    end
  end
end
return reply
