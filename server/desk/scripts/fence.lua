-- Prelude of every script that writes the desk.
-- The fence names the server process that the desk was last built on. A restart, a failover or a
-- restored copy changes the run id, so a desk that may have lost its tail refuses by itself until
-- it has been rebuilt from the ledger.
local SHUT = -1

local function is_shut(fence)
  local armed_for = redis.call('HGET', fence, 'run_id')
  return armed_for == false or armed_for ~= run_id()
end

-- Which load of the desk this is. Whoever writes the ledger on the word of a script compares: what was
-- done on a desk that has been loaded since is not there any more.
local function epoch_of(fence)
  return tonumber(redis.call('HGET', fence, 'epoch') or 0)
end
