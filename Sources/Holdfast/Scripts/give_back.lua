-- Gives back what one call of claim.lua claimed, whose answer never came: no attempt is used up.
--
-- KEYS  1 expiry   2 claims   3 waiting   4 attempts: see claim.lua
-- ARGV  1 token of that call   2 number of this one   3 channel that wakes consumers
-- Reply twice the number
local expiry, claims, waiting, attempts = unpack(KEYS)
local token, number, channel = unpack(ARGV)
-- include permissions.lua
-- include queue.lua

local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local found, plans, used = {}, {}, {}
local owners = redis.call('HGETALL', claims)
for i = 1, #owners, 2 do
  local attempt, owner = string.match(owners[i + 1], '^(%d+):%d+:(.*)$')
  if owner == token then
    local n = #plans
    found[#found + 1] = owners[i]
    plans[n + 1], plans[n + 2] = now, place(owners[i])
    used[n + 1], used[n + 2] = owners[i], attempt - 1
  end
end
redis.call('ZCARD', expiry)
redis.call('ZCARD', waiting)
redis.call('HLEN', attempts)
need('ZREM', expiry, '')
need('HDEL', claims, '')
need('ZADD', waiting, 0, '')
need('HSET', attempts, '', '')
need('PUBLISH', channel, '')
if denied then return denial() end

if #found > 0 then
  redis.call('ZREM', expiry, unpack(found))
  redis.call('HDEL', claims, unpack(found))
  redis.call('ZADD', waiting, unpack(plans))
  redis.call('HSET', attempts, unpack(used))
  redis.call('PUBLISH', channel, '')
end
return 2 * number
