-- Counts answers to the question of a drop. A student has so many tries, and who has passed stays passed.
--
-- KEYS  1 fence, 2 drop, 3 passed, 4 progress
-- ARGV  1 tries of a student, then for each answer: student, '1' if it is the right one
-- Reply: SHUT | {} no such task is open | for each answer the number of tries that are used, below zero: passed
if is_shut(KEYS[1]) then return SHUT end
local window = open_task(KEYS[2])
if not window or now_ms() < window.opens_at then return {} end

local answers, most = {}, tonumber(ARGV[1])
for i = 2, #ARGV, 2 do
  local student, is_right = ARGV[i], ARGV[i + 1] == '1'
  local tries = tonumber(redis.call('HGET', KEYS[4], student) or 0)
  local has_passed = redis.call('SISMEMBER', KEYS[3], student) == 1
  if not has_passed and tries < most then
    tries = redis.call('HINCRBY', KEYS[4], student, 1)
    if is_right then
      redis.call('SADD', KEYS[3], student)
      has_passed = true
    end
  end
  answers[#answers + 1] = has_passed and -math.max(tries, 1) or tries
end
keep_task({ KEYS[3], KEYS[4] }, window)
return answers
