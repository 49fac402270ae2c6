-- Returns what is known of one message.
--
-- KEYS  1-3 streams of usual, high and low priority   4 expiry   5 claims   6 waiting   7 attempts   8 order
--       9 blocked   10 ledger   11 scheduled   12 due: see claim.lua
-- ARGV  1 id   2 entry, '' if none was found
-- Reply {now ms, its score in the ledger or false, {'type', its type, 'body', the first MiB of its body} or false,
--       ms at which its claim ends or false, the attempt that is claimed, 0 if that cannot be read, or false, ms from
--       which it may be claimed or false, attempts used up or false, 1 if it waits for its turn, else 0, the instance
--       that has claimed it or false}
local stream, high, low, expiry, claims, waiting, attempts, order, blocked, ledger, scheduled, due = unpack(KEYS)
-- include queue.lua

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local score = redis.call('ZMSCORE', ledger, ARGV[1])[1]
local entry = ARGV[2]
local fields = entry ~= '' and content(entry)
if not fields then return {now, score, false, false, false, false, false, 0, false} end
local kind, body, key = '', '', ''
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'body' then body = string.sub(value, 1, 2 ^ 20)
  elseif name == 'type' then kind = string.sub(value, 1, 1024)
  elseif name == 'key' then key = value end
end
local where, owner = place(entry), redis.call('HGET', claims, entry)
local isBlocked = redis.call('ZMSCORE', blocked, line(key) .. where)[1]
local at = redis.call('ZMSCORE', waiting, where)[1] or redis.call('ZMSCORE', scheduled, where .. ' ' .. key)[1] or
  redis.call('ZMSCORE', due, entry)[1]
return {
  now, score, {'type', kind, 'body', body}, redis.call('ZMSCORE', expiry, entry)[1],
  owner and (string.match(owner, '^(%d+):%d+:.') or '0'), at, redis.call('HGET', attempts, entry), isBlocked and 1 or 0,
  owner and string.match(owner, '^%d+:%d+:([^:]+):') or false
}
