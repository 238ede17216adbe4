-- Prelude of the scripts that free slots.

-- Removes the slots ("1,2") from those that the student has used; slots that are not used are skipped.
local function free_slots(caps, student, slots)
  local used = redis.call('HGET', caps, student)
  if not used then return end
  for slot in string.gmatch(slots, '%d+') do
    local at = string.find(used, ',' .. slot .. ',', 1, true)
    if at then used = string.sub(used, 1, at) .. string.sub(used, at + #slot + 2) end
  end
  if used == ',' then
    redis.call('HDEL', caps, student)
  else
    redis.call('HSET', caps, student, used)
  end
end
