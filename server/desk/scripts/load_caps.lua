-- Writes the used slots of one batch or campaign in place of what is here. Conditions as in load_drop.lua.
--
-- KEYS  1 fence, 2 lease, 3 caps
-- ARGV  1 owner, 2 lease ms, 3 '1' = continue, 4 name of the load if this is the last part, else '', 5 kept
--       until (ms), or '' for ever, then student, slots (",1,2,")…
-- Reply: 1 | 0 the lease is not ours any more
if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('HGET', KEYS[1], 'run_id') then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
if ARGV[3] ~= '1' then redis.call('DEL', KEYS[3]) end
for i = 6, #ARGV, 2 do add_slots(KEYS[3], ARGV[i], ARGV[i + 1]) end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[3], '', ARGV[4]) end
if ARGV[5] ~= '' then keep_until(KEYS[3], tonumber(ARGV[5])) end
return 1
