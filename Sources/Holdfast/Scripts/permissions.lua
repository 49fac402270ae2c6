-- What scripts with several writes share; not a script by itself.
--
-- The rules of the caller's ACL user hold inside a script, and a script that fails half way is not rolled back: a
-- write that would be forbidden is known before the first write. Redis before 7.0 cannot be asked.
local denied
local function need(command, ...)
  if not denied and redis.acl_check_cmd and not redis.acl_check_cmd(command, ...) then denied = command end
end
local function denial()
  return redis.error_reply("NOPERM this user has no permissions to run the '" .. denied .. "' command on these keys")
end
