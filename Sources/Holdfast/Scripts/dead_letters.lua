-- Reads dead letters, the oldest first: as many as asked for, fewer where a reply has no room for more, but one.
--
-- KEYS  1 dead letters
-- ARGV  1 where to begin: '-', a letter, or '(' and the letter before it   2 how many at most
-- Reply {now ms, then for each: letter, id, type, attempts, reason, bytes of the body, the first of them}
local ROOM, SHOWN, SHORT = 2 ^ 23, 2 ^ 20, 1024
local t = redis.call('TIME')
local reply = {t[1] * 1000 + math.floor(t[2] / 1000)}
local start, bytes = ARGV[1], 0
for _ = 1, tonumber(ARGV[2]) do
  local stored = redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', 1)[1]
  if not stored or bytes >= ROOM then break end
  -- Of fields of one name the last counts: that of the letter.
  local fields = {}
  for i = 1, #stored[2], 2 do fields[stored[2][i]] = stored[2][i + 1] end
  local id = fields.id ~= '' and fields.id or fields.entry or stored[1]
  -- What was set aside has no message, but what was found.
  local body = fields.body or not fields.entry and fields.found or ''
  local shown = string.sub(body, 1, SHOWN)
  for _, value in ipairs({stored[1], string.sub(id, 1, SHORT), string.sub(fields.type or '', 1, SHORT),
    fields.attempts or '', string.sub(fields.reason or '', 1, SHORT), #body, shown}) do reply[#reply + 1] = value end
  bytes = bytes + #shown
  start = '(' .. stored[1]
end
return reply
