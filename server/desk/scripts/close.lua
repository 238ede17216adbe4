-- Closes a drop for good. A drop that was never opened here is marked as closed too, so that a late opening is
-- refused. Idempotent. The keys live for a day more, for students who reconnect and workers that are behind.
--
-- KEYS  1 fence, 2 drop, 3 holders, 4 free, 5 entrants, 6 entries
-- ARGV  1 '1' = only if its window is over, '2' = only if all its units are taken
--       2 the number of the opening that is to end: a process that was suspended must not end a later one
-- Reply: SHUT | {} not over yet, or opened again since | {closed_at, live claims, all wins, epoch of the desk}
local KEPT_SECONDS = 86400

if is_shut(KEYS[1]) then return SHUT end

local f = redis.call('HMGET', KEYS[2], 'opens_at', 'closes_at', 'closed_at', 'live', 'won_total', 'openings',
  'quantity')
local live, won_total = tonumber(f[4] or 0), tonumber(f[5] or 0)
local openings = tonumber(f[6] or 1)
if openings > tonumber(ARGV[2]) then return {} end
-- A reopening that was given up: should it come after all, it finds itself closed.
if openings < tonumber(ARGV[2]) then redis.call('HSET', KEYS[2], 'openings', ARGV[2]) end
if f[3] then return { tonumber(f[3]), live, won_total, epoch_of(KEYS[1]) } end
local now = now_ms()
local is_over = f[2] and now >= tonumber(f[2])
if ARGV[1] == '1' and f[1] and not is_over then return {} end
if ARGV[1] == '2' and f[1] and live < tonumber(f[7]) then return {} end
local closed_at = is_over and tonumber(f[2]) or now
redis.call('HSET', KEYS[2], 'closed_at', string.format('%.0f', closed_at))
for k = 2, #KEYS do redis.call('EXPIRE', KEYS[k], KEPT_SECONDS) end
return { closed_at, live, won_total, epoch_of(KEYS[1]) }
