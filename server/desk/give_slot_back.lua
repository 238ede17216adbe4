-- Undoes take_slot.lua for a code that went to somebody else. Repeatable.
--
-- KEYS  1 fence, 2 caps, 3 binding      ARGV  1 student
-- Answer: SHUT | 1 given back | 0 there was nothing
if is_shut(KEYS[1]) then return SHUT end

local before = redis.call('GET', KEYS[3])
if not before then return 0 end
redis.call('DEL', KEYS[3])
local slot, given_by = string.match(before, '^(%d+)@(%d+)$')
if tonumber(given_by) ~= epoch_of(KEYS[1]) then return 0 end
local used = redis.call('HGET', KEYS[2], ARGV[1]) or ','
local at = string.find(used, ',' .. slot .. ',', 1, true)
if not at then return 0 end
local left = string.sub(used, 1, at) .. string.sub(used, at + #slot + 2)
if left == ',' then
  redis.call('HDEL', KEYS[2], ARGV[1])
else
  redis.call('HSET', KEYS[2], ARGV[1], left)
end
return 1
