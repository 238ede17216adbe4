-- Frees the unit of one claim, if the student still holds it by this very claim. The slot stays
-- used: a released claim counts, or hoarders loop. Repeatable.
--
-- KEYS  1 fence, 2 drop, 3 holders, 4 free      ARGV  1 student, 2 claim id
-- Answer: SHUT | 1 freed | 0 nothing to free
if is_shut(KEYS[1]) then return SHUT end

local record = redis.call('HGET', KEYS[3], ARGV[1])
if not record then return 0 end
local state, claim_id, unit, rest = string.match(record, '^(%a)|([^|]*)|(%d+)|(.*)$')
if claim_id ~= ARGV[2] or (state ~= 'w' and state ~= 'c') then return 0 end
redis.call('HSET', KEYS[3], ARGV[1], 'l|' .. claim_id .. '|' .. unit .. '|' .. rest)
redis.call('ZADD', KEYS[4], unit, unit)
redis.call('HINCRBY', KEYS[2], 'live', -1)
if state == 'c' then redis.call('HINCRBY', KEYS[2], 'confirmed', -1) end
-- The first unit that comes back to a closed drop makes this key: it goes when the drop goes.
local ms_left = redis.call('PTTL', KEYS[2])
if ms_left > 0 then redis.call('PEXPIRE', KEYS[4], ms_left) end
return 1
