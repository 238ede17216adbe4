-- Frees the slots that take_slot.lua took for a code that was then not bound. Repeatable.
--
-- KEYS  1 fence, 2 binding, then the key of each cap that it took a slot of
-- ARGV  for each of these caps the field of whose slots it counts
-- Reply: SHUT | 1 given back | 0 there was nothing
if is_shut(KEYS[1]) then return SHUT end

local before = redis.call('GET', KEYS[2])
if not before then return 0 end
redis.call('DEL', KEYS[2])
local slots, given_by = string.match(before, '^([%d,]+)@(%d+)$')
if tonumber(given_by) ~= epoch_of(KEYS[1]) then return 0 end

local cap = 2
for slot in string.gmatch(slots, '%d+') do
  cap = cap + 1
  if KEYS[cap] then free_slots(KEYS[cap], ARGV[cap - 2], slot) end
end
return 1
