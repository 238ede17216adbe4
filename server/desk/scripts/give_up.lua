-- Records wins as revoked that students were told by a desk that is gone, and that this desk has no unit for.
-- The outbox entry lets the ledger know, and the students get an apology. Repeatable: a student of whom this
-- desk has any claim is skipped.
--
-- KEYS  1 fence, 2 outbox, 3 drop, 4 holders
-- ARGV  for each: student, record (see claim.lua) as it was told
-- Reply: SHUT | how many
if is_shut(KEYS[1]) then return SHUT end

local f = redis.call('HMGET', KEYS[3], 'drop_id', 'batch_id', 'room', 'per_student', 'allotments')
if not f[1] then return 0 end
local allotments = cjson.decode(f[5])

-- Returns the allotment of the unit, or the first one: the entry needs a valid unit, but takes none.
local function allotment_of(unit)
  for _, a in ipairs(allotments) do
    if unit >= a[1] and unit <= a[2] then return a, unit end
  end
  return allotments[1], allotments[1] and allotments[1][1]
end

local given_up = 0
for i = 1, #ARGV, 2 do
  local student = ARGV[i]
  local claim_id, unit, slot, request_id, won_at =
    string.match(ARGV[i + 1], '^%a|([^|]*)|(%d+)|(%d+)|([^|]*)|(%d+)|')
  local a, sold = allotment_of(tonumber(unit))
  if a and redis.call('HEXISTS', KEYS[4], student) == 0 then
    redis.call('XADD', KEYS[2], '*', 'win', table.concat({ claim_id, f[1], f[2], f[3], student,
      request_id, sold, slot, f[4], a[3], a[1], a[2], won_at }, '|'), 'given_up', '1')
    local record = { 'v', claim_id, sold, slot, request_id, won_at, '' }
    redis.call('HSET', KEYS[4], student, table.concat(record, '|'))
    given_up = given_up + 1
  end
end
return given_up
