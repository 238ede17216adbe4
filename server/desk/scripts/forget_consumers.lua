-- Removes consumers of an outbox' group that have no pending entries and have been idle for long.
-- Check and removal must be one step: removing a consumer drops its pending entries.
--
-- KEYS  1 outbox      ARGV  1 group, 2 ms of idle time, 3 '' = any, else only this consumer
-- Reply: how many were removed
local taken = 0
if redis.call('EXISTS', KEYS[1]) == 0 then return taken end
for _, facts in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local of = {}
  for i = 1, #facts, 2 do of[facts[i]] = facts[i + 1] end
  local is_meant = ARGV[3] == '' or ARGV[3] == of['name']
  if is_meant and of['pending'] == 0 and of['idle'] >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of['name'])
    taken = taken + 1
  end
end
return taken
