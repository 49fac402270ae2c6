-- Looks for the message with an id in a part of a stream.
--
-- KEYS  1 a stream of messages, or the dead letters
-- ARGV  1 id   2 where to begin: '-', or '(' and the last one that was looked at   3 what stands before an entry of the
--       stream, '' or 'h' or 'l'; 'dead' for dead letters
-- Reply {what it is called in the stream, or false; the last one that was looked at, false at the end of the stream}
local MOST, ROOM, STEP = 1000, 2 ^ 23, 10
-- include queue.lua
prepare()
local id, start, prefix = ARGV[1], ARGV[2], ARGV[3]
local seen, bytes, last = 0, 0, false
while seen < MOST and bytes < ROOM do
  local found = redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', STEP)
  if #found == 0 then return {false, false} end
  for _, stored in ipairs(found) do
    local fields = stored[2]
    local name = prefix .. stored[1]
    local own = prefix == 'dead' and seam(fields)
    if prefix == 'dead' then name = own and fields[own + 1] or stored[1] end
    for i = 1, (own or #fields + 1) - 1, 2 do
      if fields[i] == 'id' and fields[i + 1] ~= '' then name = fields[i + 1] end
      bytes = bytes + #fields[i + 1]
    end
    last = stored[1]
    if name == id then return {last, last} end
  end
  seen = seen + #found
  start = '(' .. last
end
return {false, last}
