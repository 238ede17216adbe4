-- Frees slots that take_slots.lua took for students who then got no coupon. Repeatable.
--
-- KEYS  1 fence, 2 taken, then the caps that it took slots of      ARGV  students
-- Reply: SHUT | how many students had slots
if is_shut(KEYS[1]) then return SHUT end

local epoch, given_back = epoch_of(KEYS[1]), 0
for _, student in ipairs(ARGV) do
  local slots, given_by, person =
    string.match(redis.call('HGET', KEYS[2], student) or '', '^([%d,;]+)@(%d+)|?(.*)$')
  if tonumber(given_by) == epoch then
    local cap = 2
    for of_cap in string.gmatch(slots, '[^;]+') do
      cap = cap + 1
      -- The key of the first cap, once more: that of persons (take_slots.lua).
      local is_of_person = cap > 3 and KEYS[cap] == KEYS[3]
      free_slots(KEYS[cap], is_of_person and 'p|' .. person or student, of_cap)
    end
    given_back = given_back + 1
  end
  redis.call('HDEL', KEYS[2], student)
end
return given_back
