-- Hands a lock that its owner leaves, or that is free, to the first waiter of its queue that answers.
--
-- No script of its own: it stands in each script that frees a lock, after its checks. KEYS  1 lock   2 fence
-- 3 waiters. The caller, if its turn has come, takes the lock or gives it up.
-- Returns the token of the new owner, or false: nobody waits, and the lock is free.
--
-- The grant is short. The waiter confirms it, leaves the queue with that, and holds the lock for its lease only then: so
-- a message that is lost costs it no place. Where the name has fences the message brings the next one along, by which the
-- waiter can tell that the grant is young, and begin before it has confirmed: see WaitingRoom.
-- Until then its score is negative, which keeps it at the head, and tells the next caller that finds the lock free that
-- a grant ended unconfirmed. Then its instance does not answer, and all its waiters leave: else one frozen process would
-- cost the others a grant for each of its waiters. The same where PUBLISH reaches nobody: that instance has no
-- connection. Of the caller's own instance, which does answer, only the waiter itself leaves. Waiters that live after
-- all queue again by their own check.
local function grant_next(now, caller, takes, grant, channels, lifetime)
  local lock, waiters = KEYS[1], KEYS[3]
  local own, silent, gone, owner = string.match(caller, '^[^:]*'), {}, {}, false
  -- Only its head, unless that does not answer.
  local queue, i = redis.call('ZRANGE', waiters, 0, 0, 'WITHSCORES'), 1
  while queue[i] and not owner do
    local token, score = queue[i], queue[i + 1]
    local instance, unconfirmed = string.match(token, '^[^:]*'), string.sub(score, 1, 1) == '-'
    if token == caller then
      owner = takes and token
    elseif not silent[instance] then
      if not unconfirmed then
        local fence = lifetime ~= '' and raise_fence(now, token, lifetime)
        local message = type(fence) == 'string' and token .. ' ' .. fence or token
        if redis.call('PUBLISH', channels .. instance, message) > 0 then owner = token end
      end
      if not owner and instance ~= own then silent[instance] = true end
    end
    if owner then
      redis.call('SET', lock, owner, 'PX', grant)
      if not unconfirmed then redis.call('ZADD', waiters, '-' .. score, owner) end
    else
      gone[#gone + 1] = token
      if i == 1 then queue = redis.call('ZRANGE', waiters, 0, -1, 'WITHSCORES') end
    end
    i = i + 2
  end
  while next(silent) and queue[i] do
    if silent[string.match(queue[i], '^[^:]*')] then gone[#gone + 1] = queue[i] end
    i = i + 2
  end
  for n = 1, #gone, 1000 do redis.call('ZREM', waiters, unpack(gone, n, math.min(n + 999, #gone))) end
  if not owner then redis.call('DEL', lock) end
  return owner
end
