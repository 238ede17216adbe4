-- Replaces the stopped targets by those of one version of the ledger. An older version changes nothing: of two
-- processes the slower one may be behind. Needs no fence: a desk that is shut sells nothing, and gets the stops
-- again before it is armed.
--
-- KEYS  1 stops      ARGV  1 version, 2 '1' = whatever version is here, then the targets
-- Reply: 1 | 0 it has this version, or a later one
local known = tonumber(redis.call('HGET', KEYS[1], 'version'))
if ARGV[2] ~= '1' and known and known >= tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'version', ARGV[1])
for i = 3, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], '1') end
return 1
