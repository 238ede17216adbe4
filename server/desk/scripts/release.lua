-- Frees the units of some claims of one drop, for each student who still has this very claim. Repeatable.
-- The slots stay used: otherwise a student could claim, let the hold end, and claim again without end.
--
-- KEYS  1 fence, 2 drop, 3 holders, 4 free
-- ARGV  1 one line each for student and claim id, neither of which contains a line end
-- Reply: SHUT | how many were freed
if is_shut(KEYS[1]) then return SHUT end

local freed, confirmed = 0, 0
for student, sold in string.gmatch(ARGV[1], '([^\n]+)\n([^\n]+)') do
  local record = redis.call('HGET', KEYS[3], student)
  local state, claim_id, unit, rest
  if record then state, claim_id, unit, rest = string.match(record, '^(%a)|([^|]*)|(%d+)|(.*)$') end
  if claim_id == sold and (state == 'w' or state == 'c') then
    redis.call('HSET', KEYS[3], student, 'l|' .. claim_id .. '|' .. unit .. '|' .. rest)
    redis.call('ZADD', KEYS[4], unit, unit)
    freed = freed + 1
    if state == 'c' then confirmed = confirmed + 1 end
  end
end
if freed > 0 then
  redis.call('HINCRBY', KEYS[2], 'live', -freed)
  -- HINCRBY does not accept -0.
  if confirmed > 0 then redis.call('HINCRBY', KEYS[2], 'confirmed', -confirmed) end
  -- The set of free units may be newer than the close: let it expire with the drop.
  local left_ms = redis.call('PTTL', KEYS[2])
  if left_ms > 0 then redis.call('PEXPIRE', KEYS[4], left_ms) end
end
return freed
