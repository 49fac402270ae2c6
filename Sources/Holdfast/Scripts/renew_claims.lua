-- Prolongs claims on messages that are still the caller's.
--
-- KEYS  1 expiry   2 claims
-- ARGV  1 lease in ms   2 number of the call   then for each claim: entry, owner
-- Reply twice the number, then one for each claim: 1 prolonged, 0 not the caller's any more
local t = redis.call('TIME')
local expiry = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[1]

local entries = {}
for i = 3, #ARGV, 2 do entries[#entries + 1] = ARGV[i] end
local owners = redis.call('HMGET', KEYS[2], unpack(entries))

local reply, expiries = {2 * ARGV[2]}, {}
for i, entry in ipairs(entries) do
  reply[i + 1] = 0
  if owners[i] == ARGV[2 * i + 2] then
    reply[i + 1] = 1
    expiries[#expiries + 1] = expiry
    expiries[#expiries + 1] = entry
  end
end
if #expiries > 0 then redis.call('ZADD', KEYS[1], 'XX', unpack(expiries)) end
return reply
