-- Moves the end of an open drop, if it is still the end that the caller expects. Idempotent by the intent's id.
-- Only the last intent can be repeated, and that is enough: each names the end that it starts from.
--
-- KEYS  1 fence, 2 drop, then its caps, which live as long as the drop
-- ARGV  1 intent id, 2 ms to add, 3 expected closes_at
-- Reply: SHUT | {'extended' | 'stale' | 'closed', closes_at, epoch of the desk}
if is_shut(KEYS[1]) then return SHUT end

local epoch = epoch_of(KEYS[1])
local f = redis.call('HMGET', KEYS[2], 'closes_at', 'closed_at', 'extended_by')
if not f[1] then return { 'closed', 0, epoch } end
local closes_at = tonumber(f[1])
if f[3] == ARGV[1] then return { 'extended', closes_at, epoch } end
if f[2] or now_ms() >= closes_at then return { 'closed', closes_at, epoch } end
if closes_at ~= tonumber(ARGV[3]) then return { 'stale', closes_at, epoch } end
closes_at = closes_at + tonumber(ARGV[2])
redis.call('HSET', KEYS[2], 'closes_at', string.format('%.0f', closes_at), 'extended_by', ARGV[1])
for k = 3, #KEYS do
  if load_of(KEYS[1]) then keep_until(KEYS[k], closes_at + CAPS_KEPT_MS) end
end
return { 'extended', closes_at, epoch }
