-- Claims one tick of a periodic worker: compare-and-advance of the schedule's cursor, on the server's clock.
--
-- KEYS  1 cursor: nominal ms of the newest tick ever claimed   2 lock of the run   3 fence
-- ARGV  1 cursor as the caller knows it ('' for none, '?' to ask only)   2 nominal ms of the tick
--       3 token   4 lease in ms   5 lifetime of the fence in ms
-- Reply {check, 'claimed', now ms, fence}
--       {check, 'moved', now ms, cursor or ''}         the caller's cursor is not the server's
--       {check, 'early', now ms}                       the tick is not due yet
--       {check, 'running', now ms, remaining ms or -1} an earlier tick still runs
--       where check is twice the number that the last seven digits of the token spell
--
-- A tick is claimed only by a caller whose cursor is the server's, and the claim moves the cursor: so one tick has
-- one claim, whatever the callers' clocks say. A lock alone would let it run again right after its release.
-- A repeated call with the token that holds the run is granted again: that resolves a claim whose reply was lost.
local check = 2 * (tonumber(string.sub(ARGV[3], -7), 16) or 0)
local t = redis.call('TIME')
local micros = t[1] .. string.format('%06d', t[2])
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local cursor = redis.call('GET', KEYS[1]) or ''
local holder = redis.call('GET', KEYS[2])
local fence = redis.call('GET', KEYS[3])

if holder == ARGV[3] and cursor == ARGV[2] and fence and string.sub(fence, 17) == ARGV[3] then
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
  return {check, 'claimed', now, string.sub(fence, 1, 16)}
end
if cursor ~= ARGV[1] then return {check, 'moved', now, cursor} end
if now < tonumber(ARGV[2]) then return {check, 'early', now} end
if holder then return {check, 'running', now, redis.call('PTTL', KEYS[2])} end

if fence and string.match(fence, '^' .. string.rep('%d', 16)) and string.sub(fence, 1, 16) >= micros then
  micros = string.format('%016.0f', tonumber(string.sub(fence, 1, 16)) + 1)
end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('SET', KEYS[3], micros .. ARGV[3], 'PX', ARGV[5])
redis.call('SET', KEYS[1], ARGV[2])
return {check, 'claimed', now, micros}
