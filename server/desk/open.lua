-- Opens a drop: its stock and its window, stamped by this server's clock. A drop is opened once, so
-- the drop's id is all that makes it idempotent.
--
-- KEYS  1 fence, 2 drop
-- ARGV  1 drop id, 2 batch id, 3 room, 4 per_student, 5 allotments as [[first,last,id],…],
--       6 quantity, 7 opens in ms, 8 duration ms, then what else is to be known of it: field, value…
-- Answer: SHUT | {} it was closed before it opened | {opens_at, closes_at, epoch of the desk}
if is_shut(KEYS[1]) then return SHUT end

local drop = KEYS[2]
local seen = redis.call('HMGET', drop, 'opens_at', 'closes_at', 'closed_at')
if seen[3] then return {} end
if seen[1] then return { tonumber(seen[1]), tonumber(seen[2]), epoch_of(KEYS[1]) } end

local opens_at = now_ms() + tonumber(ARGV[7])
local closes_at = opens_at + tonumber(ARGV[8])
redis.call('HSET', drop, 'drop_id', ARGV[1], 'batch_id', ARGV[2], 'room', ARGV[3],
  'per_student', ARGV[4], 'allotments', ARGV[5], 'quantity', ARGV[6],
  'opens_at', string.format('%.0f', opens_at), 'closes_at', string.format('%.0f', closes_at))
for i = 9, #ARGV, 2 do redis.call('HSET', drop, ARGV[i], ARGV[i + 1]) end
-- A rebuild between the first try and this one has these already.
for _, counter in ipairs({ { 'next', 1 }, { 'live', 0 }, { 'won_total', 0 }, { 'confirmed', 0 } }) do
  redis.call('HSETNX', drop, counter[1], counter[2])
end
return { opens_at, closes_at, epoch_of(KEYS[1]) }
