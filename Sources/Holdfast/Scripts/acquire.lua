-- Takes a lock, with a fence that is higher than every fence of this name before it, or a place in its queue.
--
-- KEYS  1 lock   2 fence   3 waiters, absent for what is never waited for
-- ARGV  1 token   2 lease in ms   3 lifetime of the fence in ms, '' for a grant without one
--       4 'try', 'wait' (queue up if it is taken) or 'barge' (before all who wait)   5 length of a grant in ms
--       6 the prefix of the instances' channels
-- Reply granted  {2 * number + 1, fence or 0}
--       refused  {2 * number, holder's token, its remaining ms (-1: never ends), fence entry or false, now in us,
--                 1 if the caller stands in the queue since this call, else 0}
--       with the number that the last seven digits of the token spell
--
-- A call with the token that owns the lock is granted, with the same fence if that token has one already: so a waiter
-- confirms what it was granted, and an attempt whose reply was lost is repeated.
-- A caller that finds the lock free while others wait grants the head of the queue, which may be itself.
--
-- The time is asked for before the first write, so that a user who may not ask for it takes no lock.
local WAITERS_LIFETIME = 60000
local lock, waiters = KEYS[1], KEYS[3]
local token, lease, lifetime, mode, grant, channels = unpack(ARGV)
local number = tonumber(string.sub(token, -7), 16) or 0
local t = redis.call('TIME')
local now = t[1] .. string.format('%06d', t[2])

-- include no_fence.lua
-- include issue_fence.lua
-- include grant_next.lua

-- Keeps the place that the caller has, unless a grant to it ended: then it answers too late, and goes to the end.
-- Arrivals rise, even if the server's clock is set back.
local function queue_up()
  local place = redis.call('ZMSCORE', waiters, token)[1]
  if place and tonumber(place) < 0 then redis.call('ZREM', waiters, token) end
  local arrival, last = tonumber(now), redis.call('ZRANGE', waiters, -1, -1, 'WITHSCORES')[2]
  if mode == 'barge' then
    local first = redis.call('ZRANGEBYSCORE', waiters, 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
    if first then arrival = tonumber(first) - 1 end
  elseif last then
    arrival = math.max(arrival, math.abs(last) + 1)
  end
  local added = redis.call('ZADD', waiters, 'NX', string.format('%.0f', arrival), token)
  redis.call('PEXPIRE', waiters, WAITERS_LIFETIME)
  return added
end

-- Before anything is written. A refusal tells the entry, too.
local entry = lifetime ~= '' and redis.call('GET', KEYS[2])
local unknown = unknown_fence(entry)
if unknown then return unknown end

local queued, owner, waiting = 0, false, waiters and redis.call('ZCARD', waiters)
if waiters and mode ~= 'barge' and waiting > 0 then
  owner = redis.call('GET', lock)
  if not owner then
    if mode == 'wait' then queued = queue_up() end
    owner = grant_next(now, token, true, grant, channels, lifetime)
    -- It may have been raised.
    entry = lifetime ~= '' and redis.call('GET', KEYS[2])
  end
end

if owner or not redis.call('SET', lock, token, 'NX', 'PX', lease) then
  owner = owner or redis.call('GET', lock)
  if lifetime == '' then entry = redis.call('GET', KEYS[2]) end
  if owner ~= token then
    if waiters and mode ~= 'try' and queued == 0 then queued = queue_up() end
    return {2 * number, owner, redis.call('PTTL', lock), entry, now, queued}
  end
  if waiters then redis.call('ZREM', waiters, token) end
  redis.call('PEXPIRE', lock, lease)
  if lifetime ~= '' and entry and string.sub(entry, 17) == token then return {2 * number + 1, string.sub(entry, 1, 16)} end
elseif waiters and mode == 'barge' then
  redis.call('ZREM', waiters, token)
end
if lifetime == '' then return {2 * number + 1, 0} end

local fence = issue_fence_after(entry, now, token, lifetime)
if type(fence) == 'table' then
  -- No fence, so no lock.
  redis.call('DEL', lock)
  return fence
end
return {2 * number + 1, fence}
