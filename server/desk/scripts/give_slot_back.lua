-- Frees the slots that take_slot.lua took for a code that was then not bound. Repeatable.
--
-- KEYS  1 fence, 2 binding, then the caps that it took slots of      ARGV  1 student
-- Reply: SHUT | 1 given back | 0 there was nothing
if is_shut(KEYS[1]) then return SHUT end

local before = redis.call('GET', KEYS[2])
if not before then return 0 end
redis.call('DEL', KEYS[2])
local slots, given_by = string.match(before, '^([%d,]+)@(%d+)$')
if tonumber(given_by) ~= epoch_of(KEYS[1]) then return 0 end

local function free(caps, slot)
  local used = redis.call('HGET', caps, ARGV[1]) or ','
  local at = string.find(used, ',' .. slot .. ',', 1, true)
  if not at then return end
  local left = string.sub(used, 1, at) .. string.sub(used, at + #slot + 2)
  if left == ',' then
    redis.call('HDEL', caps, ARGV[1])
  else
    redis.call('HSET', caps, ARGV[1], left)
  end
end

local cap = 2
for slot in string.gmatch(slots, '%d+') do
  cap = cap + 1
  if KEYS[cap] then free(KEYS[cap], slot) end
end
return 1
