-- Marks claims that are in the ledger, and what coupon each became, or is now. Repeatable.
--
-- KEYS  1 fence, then for each drop: drop, holders
-- ARGV  for each drop its claims, a line each for student, claim id and coupon as JSON, which hold no
--       line ends
-- Answer: SHUT | how many of them the desk knows nothing of: it is not the desk that sold them
if is_shut(KEYS[1]) then return SHUT end

local unknown = 0
for k = 2, #KEYS, 2 do
  local here = 0
  for student, sold, coupon in string.gmatch(ARGV[k / 2], '([^\n]+)\n([^\n]+)\n([^\n]+)') do
    local record = redis.call('HGET', KEYS[k + 1], student)
    local state, claim_id, rest
    if record then state, claim_id, rest = string.match(record, '^(%a)|([^|]*)|(%d+|%d+|[^|]*|%d+)|') end
    if (state == 'w' or state == 'c') and claim_id == sold then
      redis.call('HSET', KEYS[k + 1], student, 'c|' .. claim_id .. '|' .. rest .. '|' .. coupon)
      if state == 'w' then here = here + 1 end
    elseif claim_id ~= sold or state == 'v' then
      unknown = unknown + 1
    end
  end
  if here > 0 then redis.call('HINCRBY', KEYS[k], 'confirmed', here) end
end
return unknown
