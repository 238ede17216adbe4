-- Gives a drop another window, if its version is newer than the one that is here. Idempotent.
-- A window that ends where it begins lets nobody claim: a link that is paused. A closed drop stays closed.
--
-- KEYS  1 fence, 2 drop, 3 passed, 4 progress, then its caps: they live as long as the drop
-- ARGV  1 version, 2 opens_at, 3 closes_at
-- Reply: SHUT | epoch of the desk
if is_shut(KEYS[1]) then return SHUT end

local f = redis.call('HMGET', KEYS[2], 'opens_at', 'closed_at', 'window_version')
if f[1] and not f[2] and tonumber(ARGV[1]) > tonumber(f[3] or 0) then
  redis.call('HSET', KEYS[2], 'window_version', ARGV[1], 'opens_at', ARGV[2], 'closes_at', ARGV[3])
  keep_task({ KEYS[3], KEYS[4] }, { closes_at = tonumber(ARGV[3]) })
  for k = 5, #KEYS do
    if load_of(KEYS[1]) then keep_until(KEYS[k], tonumber(ARGV[3]) + CAPS_KEPT_MS) end
  end
end
return epoch_of(KEYS[1])
