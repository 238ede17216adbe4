-- Adds used slots, as the ledger has them, to the caps of one batch or campaign on a desk that goes on selling.
-- Repeatable, also while another process does the same.
--
-- KEYS  1 fence, 2 caps
-- ARGV  1 load of the desk that the caller works for, 2 mark to continue from, or '', 3 '1' = complete,
--       then student, slots (",1,2,")…
-- Reply: SHUT | 1 | 0 the desk has been loaded anew since
if is_shut(KEYS[1]) then return SHUT end
local load, caps = ARGV[1], KEYS[2]
if load_of(KEYS[1]) ~= load then return 0 end

begin_caps(caps, load)
for i = 4, #ARGV, 2 do add_slots(caps, ARGV[i], ARGV[i + 1]) end
if ARGV[3] == '1' then
  redis.call('HSET', caps, '', load)
elseif ARGV[2] ~= '' and not is_complete(caps, load) then
  redis.call('HSET', caps, '', load .. '+' .. ARGV[2])
end
keep_until(caps, now_ms() + CAPS_KEPT_MS)
return 1
