-- The error for a key that should hold a fence and holds something else. It must not be passed over, since
-- the next fence might not be higher. Not a script by itself.
local function no_fence(key)
  return redis.error_reply('ERR ' .. key .. ' has a form that this version of Holdfast does not know: another version '
    .. 'wrote it, or somebody else; nothing was changed; docs/keys.md has the forms')
end
