-- Prolongs a lock, if it is still ours. Never creates one.
--
-- KEYS  1 lock
-- ARGV  1 token   2 lease in ms
-- Reply 1 renewed, 0 it is not ours any more
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
