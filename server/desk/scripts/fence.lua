-- Prelude of every script that writes the desk.
-- The fence names the server process that the desk was loaded into. A restart, a failover or a restored copy
-- changes the run id, so a desk that may have lost its newest data refuses every write until it is rebuilt from
-- the ledger.
local SHUT = -1

local function is_shut(fence)
  local armed_for = redis.call('HGET', fence, 'run_id')
  return armed_for == false or armed_for ~= run_id()
end

-- Returns which load of the desk this is. A caller that writes the reply of a script to the ledger compares it
-- first: the result is lost if the desk has been loaded again since.
local function epoch_of(fence)
  return tonumber(redis.call('HGET', fence, 'epoch') or 0)
end
