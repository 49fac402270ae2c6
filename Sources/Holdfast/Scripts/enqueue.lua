-- Adds messages to a queue, each id at most once.
--
-- KEYS  1 stream   2 ledger
-- ARGV  1 channel that wakes consumers   2 type   then for each message: id, body
-- Reply one value for each message: its stream entry, or false for an id that is queued, done or dead already
--
-- The ledger remembers every id: pinned while its message exists, and for the retention after its commit, which
-- settle.lua fixes. So a call whose reply was lost can be repeated.
local PINNED = 'inf'

local ids = {}
for i = 3, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local known = redis.call('ZMSCORE', KEYS[2], unpack(ids))

local reply, entries = {}, {}
for i, id in ipairs(ids) do
  reply[i] = false
  if not known[i] and not entries[id] then
    reply[i] = redis.call('XADD', KEYS[1], '*', 'id', id, 'type', ARGV[2], 'body', ARGV[2 * i + 2])
    entries[id] = reply[i]
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
