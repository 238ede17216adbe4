-- Adds slots that the ledger knows of to the caps of one batch or campaign, on a desk that goes on selling.
-- Repeatable, also beside somebody else who does the same.
--
-- KEYS  1 fence, 2 caps
-- ARGV  1 load of the desk that the caller works for, 2 how far it has come with this call, or '', 3 '1' = this is
--       all, then student, slots (",1,2,")…
-- Answer: SHUT | 1 | 0 the desk has been loaded anew since
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
