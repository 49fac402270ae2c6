-- Puts dead letters back into their queue.
--
-- KEYS  1-3 streams of usual, high and low priority   4 dead letters
-- ARGV  1 channel that wakes consumers   2 number of the call   then the ids that the letters have in their stream
-- Reply twice the number, then one value for each: the message's new entry, or false if there is no such letter
--
-- Only the call that removes a letter adds its message: replayed twice, it is in the queue once. Its attempts
-- are counted anew. Its id stays pinned in the ledger, so that nobody can add the message a second time.
local channel = ARGV[1]
local streams = {[''] = KEYS[1], h = KEYS[2], l = KEYS[3]}
-- include permissions.lua
-- include queue.lua
prepare()

local found = {}
for i = 3, #ARGV do
  local stored = redis.call('XRANGE', KEYS[4], ARGV[i], ARGV[i])[1]
  local fields = stored and stored[2]
  local own = fields and seam(fields)
  -- One whose message somebody had removed from its stream has no other fields.
  if own and own > 1 then
    local entry = fields[own + 1]
    local message, named = {unpack(fields, 1, own - 1)}, false
    for n = 1, #message, 2 do named = named or (message[n] == 'id' and message[n + 1] ~= '') end
    -- A message that was added without an id is known by its entry, which is another one from now on.
    if not named then
      message[#message + 1] = 'id'
      message[#message + 1] = entry
    end
    found[i] = {stream = streams[string.match(entry, '^[hl]?')], message = message}
  end
end
for _, where in pairs(streams) do redis.call('XLEN', where) end
need('XDEL', KEYS[4], '0-0')
need('XADD', KEYS[1], '*', 'id', '')
need('PUBLISH', channel, '')
if denied then return denial() end

local reply, any = {2 * ARGV[2]}, false
for i = 3, #ARGV do
  local letter = found[i]
  reply[i - 1] = false
  if letter and redis.call('XDEL', KEYS[4], ARGV[i]) == 1 then
    reply[i - 1] = redis.call('XADD', letter.stream, '*', unpack(letter.message))
    any = true
  end
end
if any then redis.call('PUBLISH', channel, '') end
return reply
