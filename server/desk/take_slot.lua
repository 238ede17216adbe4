-- Takes the lowest slot of a batch that a student has not used, for a code they bind: what claim.lua does
-- for a tap, on the same caps. Asked again for the same code it gives the same slot, for an hour.
--
-- KEYS  1 fence, 2 caps, 3 binding      ARGV  1 student, 2 per_student
-- Answer: SHUT | {} all are used | {slot, epoch of the desk}
local KEPT_SECONDS = 3600

if is_shut(KEYS[1]) then return SHUT end

local used = redis.call('HGET', KEYS[2], ARGV[1]) or ','
local epoch = epoch_of(KEYS[1])
local before = redis.call('GET', KEYS[3])
if before then
  local slot, given_by = string.match(before, '^(%d+)@(%d+)$')
  -- A desk that was loaded anew knows nothing of it, and may have given it to a tap.
  if tonumber(given_by) == epoch then return { tonumber(slot), epoch } end
end
for slot = 1, tonumber(ARGV[2]) do
  if not string.find(used, ',' .. slot .. ',', 1, true) then
    redis.call('SET', KEYS[3], string.format('%.0f@%.0f', slot, epoch), 'EX', KEPT_SECONDS)
    redis.call('HSET', KEYS[2], ARGV[1], used .. slot .. ',')
    return { slot, epoch }
  end
end
return {}
