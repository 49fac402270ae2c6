-- Adds messages to a queue, each id at most once.
--
-- KEYS  1 stream   2 ledger
-- ARGV  1 channel that wakes consumers   2 type   3 number of the call   then for each message: id, body
-- Reply twice the number, then one value for each message: its stream entry, or false for an id that is queued,
--       done or dead already
--
-- The ledger remembers every id: pinned while its message exists, and for the retention after its commit, which
-- settle.lua fixes. So a call whose reply was lost can be repeated.
local PINNED = 'inf'

-- The rules of the caller's ACL user hold inside a script, and a script that fails half way is not rolled back: a
-- write that would be forbidden is known before the first write. Redis before 7.0 cannot be asked.
local denied
local function need(command, ...)
  if not denied and redis.acl_check_cmd and not redis.acl_check_cmd(command, ...) then denied = command end
end
local function denial()
  return redis.error_reply("NOPERM this user has no permissions to run the '" .. denied .. "' command on these keys")
end

local ids = {}
for i = 4, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local known = redis.call('ZMSCORE', KEYS[2], unpack(ids))

need('XADD', KEYS[1], '*', 'id', '')
need('ZADD', KEYS[2], PINNED, '')
need('PUBLISH', ARGV[1], '')
if denied then return denial() end

local reply, entries = {2 * ARGV[3]}, {}
for i, id in ipairs(ids) do
  reply[i + 1] = false
  if not known[i] and not entries[id] then
    entries[id] = redis.call('XADD', KEYS[1], '*', 'id', id, 'type', ARGV[2], 'body', ARGV[2 * i + 3])
    reply[i + 1] = entries[id]
  end
end

local pins = {}
for id in pairs(entries) do
  pins[#pins + 1] = PINNED
  pins[#pins + 1] = id
end
if #pins > 0 then
  redis.call('ZADD', KEYS[2], unpack(pins))
  redis.call('PUBLISH', ARGV[1], '')
end
return reply
