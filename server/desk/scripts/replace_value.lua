-- Replaces the value of a field of a hash, unless somebody has changed it meanwhile.
--
-- KEYS  1 the hash
-- ARGV  1 field, 2 the value as it was read, 3 the new value
-- Reply: 1 where it was replaced, else 0
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
