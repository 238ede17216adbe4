-- Lets an entry in a draw be another student's; an entry that this one has becomes the first one's. Repeatable.
--
-- KEYS  1 fence, 2 entrants       ARGV  1 student, 2 the other student, 3 claim id of the entry
-- Reply: SHUT | 1 moved | 0 the student does not have this entry here
if is_shut(KEYS[1]) then return SHUT end
local mine, theirs = unpack(redis.call('HMGET', KEYS[2], ARGV[1], ARGV[2]))
if not mine or string.match(mine, '^e|([^|]*)|') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], mine)
if theirs then
  redis.call('HSET', KEYS[2], ARGV[1], theirs)
else
  redis.call('HDEL', KEYS[2], ARGV[1])
end
return 1
