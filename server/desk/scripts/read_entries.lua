-- Returns entries that the ledger does not have yet, the first ones first, and how many entries there are in all.
--
-- KEYS  1 fence, 2 drop, 3 entries      ARGV  1 how many at most
-- Reply: SHUT | {epoch of the desk, entries in all, '1' if no more can come, entry…}
if is_shut(KEYS[1]) then return SHUT end
local f = redis.call('HMGET', KEYS[2], 'entered', 'closed_at')
local answer = { epoch_of(KEYS[1]), tonumber(f[1] or 0), f[2] and 1 or 0 }
for _, line in ipairs(redis.call('LRANGE', KEYS[3], 0, tonumber(ARGV[1]) - 1)) do
  answer[#answer + 1] = line
end
return answer
