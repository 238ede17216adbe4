-- Takes consumers out of an outbox' group that have nothing to acknowledge and were not heard of for long.
-- In one step: a consumer that is taken out takes what it has not acknowledged with it.
--
-- KEYS  1 outbox      ARGV  1 group, 2 ms that it was not heard of, 3 '' = any, else only this consumer
-- Answer: how many were taken out
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
