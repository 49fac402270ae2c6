-- What claim.lua mends with nothing else to do, a little at a time; not a script by itself. In a sound queue it finds
-- nothing.
--
-- A claim without an end would take its place forever: it ends a lease from now.
if flying > 0 and flying ~= redis.call('ZCARD', expiry) then
  prepare()
  local fields, ends = {}, {}
  for i, value in ipairs(redis.call('HGETALL', claims)) do
    if i % 2 == 1 then fields[#fields + 1] = value end
  end
  for i, entry in ipairs(fields) do
    if not isEntry(entry) then
      redis.call('HDEL', claims, entry)
      strays[#strays + 1] = {claims, entry, 'it is no entry of a stream'}
    elseif #ends < 1000 and not redis.call('ZMSCORE', expiry, entry)[1] then
      ends[#ends + 1], ends[#ends + 2] = string.format('%.0f', now + lease), entry
    end
  end
  if #ends > 0 then redis.call('ZADD', expiry, unpack(ends)) end
end
-- A line in which nobody has the turn would wait forever. Its members sort by their text while their scores
-- are equal.
local waits = not isPlain and not isBehind and redis.call('ZCARD', blocked) or 0
if waits > 0 then
  local looked = {}
  for _, at in ipairs({0, -1, now % waits}) do
    local found = redis.call('ZRANGE', blocked, at, at, 'WITHSCORES')
    local length = found[1] and string.match(found[1], '^%d+')
    local key = length and string.sub(found[1], #length + 2, #length + 1 + length)
    if key and key ~= '' and entryAt(string.sub(found[1], #line(key) + 1)) and
      string.sub(found[1], 1, #line(key)) == line(key)
    then
      if found[2] ~= '0' then redis.call('ZADD', blocked, 0, found[1]) end
      local holder = redis.call('HGET', order, 'k' .. key)
      if not (holder and isAlive(holder)) and not looked[key] then
        if holder then
          strays[#strays + 1] = {order, 'k' .. key .. ' ' .. holder, NOBODY}
        end
        stale[#stale + 1] = key
      end
      looked[key] = true
    elseif found[1] then
      redis.call('ZREM', blocked, found[1])
      strays[#strays + 1] = {blocked, found[1], 'it is no place in a line'}
    end
  end
end
