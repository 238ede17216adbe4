-- Frees slots of coupons that were taken back, once: a repetition must not free a slot that another claim of the
-- student has taken since.
--
-- KEYS  1 fence, 2 freed (set of students), then caps: of the batch, of its campaign, or one of them
-- ARGV  1 epoch of the desk that counts these slots, then for each student the name, or `name|person`, and, for
--       each cap, the slots (",1,2,"). The caps are those of take_slots.lua
-- Reply: SHUT | how many students were new. 0 on a later desk: it was loaded without these slots
local KEPT_SECONDS = 604800

if is_shut(KEYS[1]) then return SHUT end
if epoch_of(KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end

local count, freed = #KEYS - 2, 0
for at = 2, #ARGV, 1 + count do
  local student, person = string.match(ARGV[at], '^([^|]+)|?(.*)$')
  if redis.call('SADD', KEYS[2], student) == 1 then
    for cap = 1, count do
      local is_of_person = cap > 1 and KEYS[cap + 2] == KEYS[3]
      free_slots(KEYS[cap + 2], is_of_person and 'p|' .. person or student, ARGV[at + cap])
    end
    freed = freed + 1
  end
end
redis.call('EXPIRE', KEYS[2], KEPT_SECONDS)
return freed
