-- Marks claims as confirmed, and stores the coupon of each. Repeatable.
-- The standing of a coupon is the end of its JSON, from `,"state":"` on. Quotes within JSON text are escaped,
-- so nothing else looks like that. Of the given standing and the stored one, the higher version stays: two
-- processes may publish two moves in the wrong order, and a claim may be confirmed again after its coupon was
-- used.
--
-- KEYS  1 fence, then for each drop: drop, holders
-- ARGV  for each drop its claims: one line each for student, claim id and coupon as JSON, none of which
--       contains a line end
-- Reply: SHUT | how many of them the desk does not have: it is not the desk that sold them
if is_shut(KEYS[1]) then return SHUT end

-- Returns where the standing begins, and its version; for a coupon of an earlier release only the closing
-- brace.
local function standing(coupon)
  local at = string.find(coupon, ',"state":"', 1, true)
  if not at then return #coupon, 0 end
  return at, tonumber(string.match(coupon, '^,"state":"%a+","version":(%d+)', at) or 0)
end

local function newest(told, known)
  local at, version = standing(told)
  local known_at, known_version = standing(known)
  if known_version <= version then return told end
  return string.sub(told, 1, at - 1) .. string.sub(known, known_at)
end

local unknown = 0
for k = 2, #KEYS, 2 do
  local here = 0
  for student, sold, coupon in string.gmatch(ARGV[k / 2], '([^\n]+)\n([^\n]+)\n([^\n]+)') do
    local record = redis.call('HGET', KEYS[k + 1], student)
    local state, claim_id, rest, known_at
    if record then
      state, claim_id, rest, known_at = string.match(record, '^(%a)|([^|]*)|(%d+|%d+|[^|]*|%d+)|()')
    end
    if (state == 'w' or state == 'c') and claim_id == sold then
      if state == 'c' then coupon = newest(coupon, string.sub(record, known_at)) end
      redis.call('HSET', KEYS[k + 1], student, 'c|' .. claim_id .. '|' .. rest .. '|' .. coupon)
      if state == 'w' then here = here + 1 end
    elseif claim_id ~= sold or state == 'v' then
      unknown = unknown + 1
    end
  end
  if here > 0 then redis.call('HINCRBY', KEYS[k], 'confirmed', here) end
end
return unknown
