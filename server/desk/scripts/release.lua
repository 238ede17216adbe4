-- Frees the units of some claims of one drop, of each student who still holds it by this very claim. The
-- slots stay used: a released claim counts, or hoarders loop. Repeatable.
--
-- KEYS  1 fence, 2 drop, 3 holders, 4 free
-- ARGV  1 a line each for student and claim id, which hold no line ends
-- Answer: SHUT | how many were freed
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
  -- Not by -0, which is no integer.
  if confirmed > 0 then redis.call('HINCRBY', KEYS[2], 'confirmed', -confirmed) end
  -- Of a closed drop nothing stays for ever: the set of free units may have come after its end.
  local left_ms = redis.call('PTTL', KEYS[2])
  if left_ms > 0 then redis.call('PEXPIRE', KEYS[4], left_ms) end
end
return freed
