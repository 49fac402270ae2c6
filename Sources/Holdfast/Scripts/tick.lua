-- Gives the caller a run of a periodic worker to begin, if there is one: a run whose instance died, one that
-- was requested, or a tick that is due by the server's clock.
--
-- KEYS  1 worker   2 fence   3 history   4... locks of the runs, one for each that may go on at the same time
-- ARGV  1 token   2 who calls, for the history   3 lease in ms   4 lifetime of the fence in ms
--       5 how many runs the history keeps   6 how often one run may begin, if its instances die
--       7 '1' where the schedule counts from the end of a run   8 version of the caller's definition   9 its schedule
--       10 the schedule the caller goes by   11 cursor to begin with ('': not known yet)
--       12 cursor as the caller knows it   13 nominal ms of the tick ('': look only)   14 ms at which it may begin
--       15 ms after which it is too late ('': never)
-- Reply {check, 'claimed', now ms, cursor, 'tick' or 'trigger', nominal ms, attempt, fence, slot}
--       {check, 'follow', now ms, cursor, schedule}     the caller goes by a schedule that is not the ruling one
--       {check, 'waiting', now ms, cursor, reason, remaining ms of the run that may end first or -1}
--       with cursor '' for a worker that has none; reason 'asked', 'moved' (the caller's cursor is not the server's),
--       'early', 'late', 'paused' or 'running'; check twice the number that the last seven digits of the token spell
--
-- A tick is claimed only by a caller whose cursor is the server's, and the claim moves the cursor: so one tick has
-- one claim, whatever the callers' clocks say. A lock alone would let it run again right after its release.
-- A repeated call with the token of a run is answered by that run: that resolves a claim whose reply was lost.
-- A run stands in the worker's field run:<slot> from its claim until its end is recorded; one that stands there without
-- its lock is over without an end: its instance died, or was paused past its lease, or gave it back.
-- Nominal instants of ticks rise, and those of triggered runs do: so no tick id comes twice. Where a cursor was turned
-- back, by the rewind of an operator or by a run that ended before it began, ticks have the number of that after a ~.
-- The ruling schedule is that of the highest version, or the one an operator set since that version.
-- include permissions.lua
-- include worker_data.lua

local worker, fenceKey, history = unpack(KEYS)
local token, who, lease, lifetime, kept, attempts, follows, version, own, goingBy = unpack(ARGV)
local number = tonumber(string.sub(token, -7), 16) or 0
local slots = #KEYS - 3
local t = redis.call('TIME')
local micros = t[1] .. string.format('%06d', t[2])
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- Reads, which find a key of another type before anything is written.
local fields = {'cursor', 'version', 'schedule', 'by', 'slots', 'paused', 'trigger'}
for slot = 1, slots do fields[7 + slot] = 'run:' .. slot end
local state = redis.call('HMGET', worker, unpack(fields))
local cursor, paused, trigger = state[1] or '', state[6], state[7]
local fence = redis.call('GET', fenceKey)
redis.call('XLEN', history)
local hash = ' in ' .. worker
local at, era = read('cursor' .. hash, state[1], INSTANT)
read('version' .. hash, state[2], '^%d+$')
if state[4] ~= 'operator' then read('by' .. hash, state[4], '^code$') end
read('slots' .. hash, state[5], '^%d+$')
read('paused' .. hash, paused, '^%d+$')
read('trigger' .. hash, trigger, '^%d+$')
read(fenceKey, fence, '^' .. string.rep('%d', 16), 16)
-- Lua's numbers are exact to 2^53.
if fence and string.sub(fence, 1, 16) >= '9007199254740991' then unreadable = unreadable or fenceKey end
local holders, runs = {}, {}
for slot = 1, slots do
  holders[slot] = redis.call('GET', KEYS[3 + slot])
  local nominal, kind, attempt, runFence, begun, runToken, runWho =
    readRun('run:' .. slot .. hash, state[7 + slot])
  if nominal then
    runs[slot] = {nominal = nominal, kind = kind, attempt = tonumber(attempt), fence = runFence, begun = begun,
      token = runToken, who = runWho}
  end
end

if unreadable then return refusal() end
need('HSET', worker, 'f', 'v')
need('HDEL', worker, 'f')
need('SET', fenceKey, 'v')
need('PEXPIRE', KEYS[4], '1')
need('XADD', history, '*', 'f', 'v')
if denied then return denial() end

local function claimed(slot, run)
  return {2 * number, 'claimed', now, cursor, run.kind, run.nominal, run.attempt, run.fence, slot}
end

local function claim(slot, nominal, kind, attempt)
  if fence and string.sub(fence, 1, 16) >= micros then
    micros = string.format('%016.0f', tonumber(string.sub(fence, 1, 16)) + 1)
  end
  redis.call('SET', KEYS[3 + slot], token, 'PX', lease)
  redis.call('SET', fenceKey, micros .. token, 'PX', lifetime)
  local run = {nominal, kind, attempt, micros, string.format('%.0f', now), token, who}
  redis.call('HSET', worker, 'run:' .. slot, table.concat(run, ' '))
  return claimed(slot, {kind = kind, nominal = nominal, attempt = attempt, fence = micros})
end

local function move(instant)
  cursor = instant .. suffix(era)
  redis.call('HSET', worker, 'cursor', cursor)
end

for slot, run in pairs(runs) do
  if run.token == token and holders[slot] == token then
    redis.call('PEXPIRE', KEYS[3 + slot], lease)
    return claimed(slot, run)
  end
end

local stored, ruling = tonumber(state[2]), own
if stored and (stored > tonumber(version) or stored == tonumber(version) and state[4] == 'operator') then
  ruling = state[3] or own
elseif stored ~= tonumber(version) or state[3] ~= own or state[4] ~= 'code' or state[5] ~= tostring(slots) then
  redis.call('HSET', worker, 'version', version, 'schedule', own, 'by', 'code', 'slots', slots)
end

local free, remaining = false, -1
for slot = 1, slots do
  local run = runs[slot]
  if holders[slot] then
    local rest = redis.call('PTTL', KEYS[3 + slot])
    if rest >= 0 and (remaining < 0 or rest < remaining) then remaining = rest end
  else
    if run then
      if run.token ~= '-' and tonumber(kept) > 0 then
        redis.call('XADD', history, 'MAXLEN', kept, '*', 'tick', run.nominal, 'kind', run.kind, 'attempt', run.attempt,
          'begun', run.begun, 'ended', string.format('%.0f', now), 'outcome', 'lost', 'token', run.token,
          'who', run.who, 'detail', '')
      end
      if run.attempt < tonumber(attempts) and not paused then
        return claim(slot, run.nominal, run.kind, run.attempt + 1)
      end
      redis.call('HDEL', worker, 'run:' .. slot)
      if follows == '1' and now > (tonumber(at) or 0) then move(string.format('%.0f', now)) end
    end
    free = free or slot
  end
end

if trigger and free then
  redis.call('HDEL', worker, 'trigger')
  return claim(free, trigger, 'trigger', 1)
end
if ruling ~= goingBy then return {2 * number, 'follow', now, cursor, ruling} end
if cursor == '' and ARGV[11] ~= '' then move(ARGV[11]) end

local function waiting(reason) return {2 * number, 'waiting', now, cursor, reason, remaining} end
if trigger then return waiting('running') end
if paused then return waiting('paused') end
if ARGV[13] == '' then return waiting('asked') end
if cursor ~= ARGV[12] or at and tonumber(ARGV[13]) <= tonumber(at) then return waiting('moved') end
if now < tonumber(ARGV[14]) then return waiting('early') end
if ARGV[15] ~= '' and now > tonumber(ARGV[15]) then return waiting('late') end
if not free then return waiting('running') end
move(ARGV[13])
return claim(free, cursor, 'tick', 1)
