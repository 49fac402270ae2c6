-- Adds messages to a queue, each id at most once.
--
-- KEYS  1 stream   2 ledger; and, where a message has ten values: 3-4 streams of high and low priority
--       5 unique: key -> ms until which it is taken
-- ARGV  1 channel that wakes consumers   2 type, '' for none   3 number of the call   4 how many values each message has
--       then for each message: id, body; and, where it has ten: priority, '' or 'h' or 'l'; ms from now, or '', and
--       ms since 1970, or '', before which it is not claimed; key of which one message at a time is handled, or '';
--       key of which no other message is added for so many ms, or '', and their number; ms since 1970 when the id was
--       made, and for how many ms after that it may be added, or ''
-- Reply twice the number, then one value for each message: its entry, false for an id that is queued, done or dead
--       already or whose unique key is taken, 0 for an id that is too old
--
-- The ledger remembers every id: pinned while its message exists, and for the retention after its commit, which
-- settle.lua fixes. So a call whose reply was lost can be repeated.
local PINNED = 'inf'
local PLAIN, PRIORITY, DELAY, AT, KEY, UNIQUE, WINDOW, MADE, HORIZON = 2, 2, 3, 4, 5, 6, 7, 8, 9
local channel, kind, width = ARGV[1], ARGV[2], tonumber(ARGV[4])
local stream, ledger, high, low, unique = unpack(KEYS)
-- include permissions.lua

local ids = {}
for i = 5, #ARGV, width do ids[#ids + 1] = ARGV[i] end
local known = redis.call('ZMSCORE', ledger, unpack(ids))

-- What a message without options does not need costs it nothing.
local now, streams, taken, isTaken
if width > PLAIN then
  local t = redis.call('TIME')
  now, streams, taken = t[1] * 1000 + math.floor(t[2] / 1000), {[''] = stream, h = high, l = low}, {}
  redis.call('ZCARD', unique)
  for _, where in pairs(streams) do redis.call('XLEN', where) end
  need('ZRANGEBYSCORE', unique, '-inf', 0)
  need('ZREM', unique, '')
  need('PTTL', unique)
  need('PEXPIRE', unique, 1)
  isTaken = function(key)
    return key ~= '' and (taken[key] or tonumber(redis.call('ZMSCORE', unique, key)[1] or 0) > now)
  end
end

need('XADD', stream, '*', 'id', '')
need('ZADD', ledger, PINNED, '')
need('PUBLISH', channel, '')
if denied then return denial() end

local reply, entries = {2 * ARGV[3]}, {}
for i, id in ipairs(ids) do
  local start = 5 + (i - 1) * width
  reply[i + 1] = false
  if known[i] or entries[id] then
    -- There already.
  elseif width == PLAIN then
    entries[id] = redis.call('XADD', stream, '*', 'id', id, 'type', kind, 'body', ARGV[start + 1])
    reply[i + 1] = entries[id]
  elseif ARGV[start + MADE] ~= '' and now - ARGV[start + MADE] > tonumber(ARGV[start + HORIZON]) then
    reply[i + 1] = 0
  elseif not isTaken(ARGV[start + UNIQUE]) then
    local fields = {'id', id, 'type', kind, 'body', ARGV[start + 1]}
    local delay, instant, key, mark = ARGV[start + DELAY], ARGV[start + AT], ARGV[start + KEY], ARGV[start + UNIQUE]
    if delay ~= '' then instant = string.format('%.0f', math.min(now + delay, 2 ^ 53 - 1)) end
    for name, value in pairs({due = instant, key = key}) do
      if value ~= '' then
        fields[#fields + 1] = name
        fields[#fields + 1] = value
      end
    end
    local priority = ARGV[start + PRIORITY]
    entries[id] = priority .. redis.call('XADD', streams[priority], '*', unpack(fields))
    reply[i + 1] = entries[id]
    if mark ~= '' then
      redis.call('ZADD', unique, string.format('%.0f', now + ARGV[start + WINDOW]), mark)
      -- With the last window all of them are over.
      if redis.call('PTTL', unique) < tonumber(ARGV[start + WINDOW]) then
        redis.call('PEXPIRE', unique, ARGV[start + WINDOW])
      end
      taken[mark] = true
      -- Twice as many old ones are forgotten as are added.
      local old = redis.call('ZRANGEBYSCORE', unique, '-inf', now, 'LIMIT', 0, 2)
      if #old > 0 then redis.call('ZREM', unique, unpack(old)) end
    end
  end
end

local pins = {}
for id in pairs(entries) do
  pins[#pins + 1] = PINNED
  pins[#pins + 1] = id
end
if #pins > 0 then
  redis.call('ZADD', ledger, unpack(pins))
  redis.call('PUBLISH', channel, '')
end
return reply
