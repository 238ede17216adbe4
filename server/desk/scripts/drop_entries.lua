-- Takes entries off the list because the ledger has them: those with an index below the given one. Repeatable.
--
-- KEYS  1 fence, 2 entries      ARGV  1 the first index that stays
-- Reply: SHUT | how many were taken off
if is_shut(KEYS[1]) then return SHUT end
local first = redis.call('LINDEX', KEYS[2], 0)
if not first then return 0 end
local count = tonumber(ARGV[1]) - tonumber(string.match(first, '^e|[^|]*|(%d+)|'))
if count > 0 then redis.call('LTRIM', KEYS[2], count, -1) end
return math.max(0, count)
