-- Lets what a student has done for the task of a drop be another student's. Of the progress of both the further
-- one counts: watched time is not added up, because both accounts may have watched the same minutes, and tries of
-- an answer that are used up stay used. Repeatable.
--
-- KEYS  1 fence, 2 drop, 3 passed, 4 progress       ARGV  1 student, 2 the other student
-- Reply: SHUT | 0 no such task is open, or the student has done nothing | 1
if is_shut(KEYS[1]) then return SHUT end
local window = open_task(KEYS[2])
if not window then return 0 end

-- Returns the watched ms of a record of watch.lua, else the number that it is.
local function amount(record)
  local ms, spans = string.match(record, '^(%d+)|%d+|(.*)$')
  if not ms then return tonumber(record) end
  local total = tonumber(ms)
  for from, until_ in string.gmatch(spans, '(%d+)%-(%d+)') do
    total = total + tonumber(until_) - tonumber(from)
  end
  return total
end

local mine, theirs = unpack(redis.call('HMGET', KEYS[4], ARGV[1], ARGV[2]))
local has_passed = redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 1
if not mine and not has_passed then return 0 end
if mine and (not theirs or amount(mine) > amount(theirs)) then
  redis.call('HSET', KEYS[4], ARGV[2], mine)
end
if has_passed then redis.call('SADD', KEYS[3], ARGV[2]) end
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
keep_task({ KEYS[3], KEYS[4] }, window)
return 1
