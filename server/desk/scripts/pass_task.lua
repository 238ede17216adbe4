-- Writes how far students are with the task of a drop, by what is counted elsewhere, and who has passed.
-- Repeatable.
--
-- KEYS  1 fence, 2 drop, 3 passed, 4 progress
-- ARGV  for each: student, how much they have done, '1' if they have passed
-- Reply: SHUT | 0 no such task is open | 1
if is_shut(KEYS[1]) then return SHUT end
local window = open_task(KEYS[2])
if not window then return 0 end

for i = 1, #ARGV, 3 do
  redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
  if ARGV[i + 2] == '1' then redis.call('SADD', KEYS[3], ARGV[i]) end
end
keep_task({ KEYS[3], KEYS[4] }, window)
return 1
