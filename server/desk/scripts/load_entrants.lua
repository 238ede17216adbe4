-- Writes the entries of a draw as the ledger has them, in place of whatever is here, after load_drop.lua has
-- written the drop. Conditions as there; a large draw takes several calls ('1' = continue).
--
-- KEYS  1 fence, 2 lease, 3 drop, 4 entrants, 5 entries
-- ARGV  1 owner, 2 lease ms, 3 '1' = continue, then student, entry…
-- Reply: 1 | 0 the lease is not ours any more
local KEPT_SECONDS = 86400 -- for a closed drop, as in close.lua

if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('HGET', KEYS[1], 'run_id') then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
if ARGV[3] ~= '1' then redis.call('DEL', KEYS[4], KEYS[5]) end
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
if redis.call('HEXISTS', KEYS[3], 'closed_at') == 1 then
  redis.call('EXPIRE', KEYS[4], KEPT_SECONDS)
end
return 1
