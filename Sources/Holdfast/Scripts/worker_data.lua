-- How the data of a periodic worker is read; not a script by itself.
--
-- What has another form was written by another version, or by somebody else. It is refused by its name: passed over, a
-- run could begin twice, or a fence fall.
-- Numbers have `most` digits, 15 unless said: Lua reckons with those exactly, so that what is added to one rises.
local unreadable
local function read(place, value, pattern, most)
  if not value then return end
  local one, two, three, four, five, six, seven = string.match(value, pattern)
  most = most or 15
  if not one or #one > most or two and #two > most then unreadable = unreadable or place end
  return one, two, three, four, five, six, seven
end
-- A cursor or a nominal instant: ms since 1970, and after a ~ how often the cursor had been turned back before, if it
-- had. So an instant that comes a second time is another one.
local INSTANT = '^(%-?%d+)~?(%d*)$'
-- A run: its nominal instant, kind, attempt, fence, when it began, token, and who runs it.
local function readRun(place, value)
  local nominal, kind, attempt, fence, begun, token, who =
    read(place, value, '^(%-?%d+~?%d*) (%S+) (%d+) (%d+) (%d+) (%S+) (.*)$', 31)
  if nominal and kind ~= 'tick' and kind ~= 'trigger' then unreadable = unreadable or place end
  return nominal, kind, attempt, fence, begun, token, who
end
local function refusal()
  return redis.error_reply('ERR ' .. unreadable .. ' has a form that this version of Holdfast does not know: another '
    .. 'version wrote it, or somebody else; docs/keys.md has the forms')
end
local function suffix(era)
  if not era or era == '' or tonumber(era) == 0 then return '' end
  return '~' .. string.format('%.0f', era)
end
