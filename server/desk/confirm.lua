-- Marks claims that are in the ledger, and what coupon each became. Repeatable.
--
-- KEYS  1 fence, then for each drop: drop, holders
-- ARGV  for each drop: how many, then for each claim: student, claim id, coupon as JSON
-- Answer: SHUT | how many of them the desk knows nothing of: it is not the desk that sold them
if is_shut(KEYS[1]) then return SHUT end

local unknown, arg = 0, 1
for k = 2, #KEYS, 2 do
  local count, here = tonumber(ARGV[arg]), 0
  for i = 1, count do
    local at = arg + 3 * i - 2
    local record = redis.call('HGET', KEYS[k + 1], ARGV[at])
    local state, claim_id, rest
    if record then state, claim_id, rest = string.match(record, '^(%a)|([^|]*)|(%d+|%d+|[^|]*|%d+)|') end
    if state == 'w' and claim_id == ARGV[at + 1] then
      redis.call('HSET', KEYS[k + 1], ARGV[at], 'c|' .. claim_id .. '|' .. rest .. '|' .. ARGV[at + 2])
      here = here + 1
    elseif claim_id ~= ARGV[at + 1] then
      unknown = unknown + 1
    end
  end
  arg = arg + 1 + 3 * count
  if here > 0 then redis.call('HINCRBY', KEYS[k], 'confirmed', here) end
end
return unknown
