-- What may not be claimed, as one version of the ledger has it. An older version changes nothing: of two
-- who tell, the slower one may be behind. Needs no fence: a desk that is shut sells nothing, and is told
-- anew before it is armed.
--
-- KEYS  1 stops      ARGV  1 version, 2 '1' = whatever is there, then the targets
-- Answer: 1 | 0 it knows this version, or a later one
local known = tonumber(redis.call('HGET', KEYS[1], 'version'))
if ARGV[2] ~= '1' and known and known >= tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'version', ARGV[1])
for i = 3, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], '1') end
return 1
