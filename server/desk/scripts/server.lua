-- First prelude of most scripts (loader.py): the identity of the server and its clock, read by the script
-- itself. With a run id that a client had cached, a trial sold 16 units of 10. All windows use this one clock.
-- INFO costs 5 us a call.
--
-- The identity is the process and the history of its data. A primary that was demoted, took over a shorter
-- history and was promoted again is the same process, but never has the same replication id.
local function run_id()
  local info = redis.call('INFO', 'server', 'replication')
  return string.match(info, 'run_id:(%x+)') .. string.match(info, 'master_replid:(%x+)')
end

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
