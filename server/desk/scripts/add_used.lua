-- Adds slots to those that a student has used, on a desk that goes on selling. Repeatable.
--
-- KEYS  1 fence, then caps       ARGV  1 student, then for each of these caps the slots (",1,2,")
-- Reply: SHUT | 1
if is_shut(KEYS[1]) then return SHUT end
local load = load_of(KEYS[1])
for cap = 2, #KEYS do
  if load then
    begin_caps(KEYS[cap], load)
    keep_until(KEYS[cap], now_ms() + CAPS_KEPT_MS)
  end
  add_slots(KEYS[cap], ARGV[1], ARGV[cap])
end
return 1
