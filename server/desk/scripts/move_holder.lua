-- Lets a claim be another student's, unless that student has a claim of the drop. Repeatable.
--
-- KEYS  1 fence, 2 holders       ARGV  1 student, 2 the other student, 3 claim id
-- Reply: SHUT | 1 moved | 0 the student does not have this claim here, or the other one has another
if is_shut(KEYS[1]) then return SHUT end
local record = redis.call('HGET', KEYS[2], ARGV[1])
if not record or string.match(record, '^%a|([^|]*)|') ~= ARGV[3] then return 0 end
if redis.call('HSETNX', KEYS[2], ARGV[2], record) == 0 then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
