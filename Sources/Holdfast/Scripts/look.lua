-- Tells what is known of one message.
--
-- KEYS  1-3 streams of usual, high and low priority   4 expiry   5 claims   6 due   7 attempts   8 order   9 blocked
--       10 ledger: see claim.lua
-- ARGV  1 id   2 entry, '' if none was found
-- Reply {now ms, its score in the ledger or false, {'type', its type, 'body', the first MiB of its body} or false,
--       ms at which its claim ends or false, the attempt that is claimed or false, ms from which it may be claimed or
--       false, attempts used up or false, 1 if it waits for its turn, else 0}
local stream, high, low, expiry, claims, due, attempts, order, blocked, ledger = unpack(KEYS)
-- include queue.lua

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local score = redis.call('ZMSCORE', ledger, ARGV[1])[1]
local entry = ARGV[2]
local fields = entry ~= '' and content(entry)
if not fields then return {now, score, false, false, false, false, false, 0} end
local isBlocked, kind, body = 0, '', ''
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'body' then body = string.sub(value, 1, 2 ^ 20)
  elseif name == 'type' then kind = string.sub(value, 1, 1024)
  elseif name == 'key' and redis.call('ZMSCORE', blocked, member(value, entry))[1] then isBlocked = 1 end
end
local owner = redis.call('HGET', claims, entry)
return {
  now, score, {'type', kind, 'body', body}, redis.call('ZMSCORE', expiry, entry)[1], owner and string.match(owner, '^%d+'),
  redis.call('ZMSCORE', due, entry)[1], redis.call('HGET', attempts, entry), isBlocked
}
