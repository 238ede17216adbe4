-- First prelude of every script (scripts.py puts it in front): the server's own word on who it is
-- and what time it is. A run id cached by a client sold 16 of 10 in a trial, and there is one clock
-- for all windows. INFO costs 5 us a call.
--
-- Who it is: the process, and the history of its data. A primary that was demoted, took over another's
-- shorter history and was promoted again is the same process, but never has the same replication id.
local function run_id()
  local info = redis.call('INFO', 'server', 'replication')
  return string.match(info, 'run_id:(%x+)') .. string.match(info, 'master_replid:(%x+)')
end

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
