-- Opens a drop: writes its stock, and its window by this server's clock. Idempotent by the drop's id, because a
-- drop is opened once.
-- The desk must first know all used slots of its batch, and of its campaign if that has a limit: from then on
-- these caps alone count taps. They live until the drop is over.
--
-- KEYS  1 fence, 2 drop, then caps: of the batch, and of its campaign if that has a limit
-- ARGV  1 drop id, 2 batch id, 3 room, 4 per_student, 5 allotments as [[first,last,id],…],
--       6 units in the drop, 7 '+' and the ms until it opens, or the moment, 8 '+' and the duration in ms, or the end,
--       9 for each cap '1' if none of its slots was used when the desk had the epoch 10, then further fields of the drop: field, value…
-- Reply: SHUT | {} it was closed before it was opened | {opens_at, closes_at, epoch of the desk} | the name of
--        this load of the desk: load the caps first
if is_shut(KEYS[1]) then return SHUT end

local drop = KEYS[2]
local seen = redis.call('HMGET', drop, 'opens_at', 'closes_at', 'closed_at')
if seen[3] then return {} end
if seen[1] then return { tonumber(seen[1]), tonumber(seen[2]), epoch_of(KEYS[1]) } end

local load, epoch = load_of(KEYS[1]), epoch_of(KEYS[1])

-- A slot that was used on this load of the desk is in the same caps.
local function is_known_unused(number)
  return tonumber(ARGV[10]) == epoch and string.sub(ARGV[9], number, number) == '1'
end

for k = 3, #KEYS do
  if not (is_complete(KEYS[k], load) or is_known_unused(k - 2)) then return load end
end

local opens_at = moment_of(ARGV[7], now_ms())
local closes_at = moment_of(ARGV[8], opens_at)
redis.call('HSET', drop, 'drop_id', ARGV[1], 'batch_id', ARGV[2], 'room', ARGV[3],
  'per_student', ARGV[4], 'allotments', ARGV[5], 'quantity', ARGV[6],
  'opens_at', string.format('%.0f', opens_at), 'closes_at', string.format('%.0f', closes_at))
for i = 11, #ARGV, 2 do redis.call('HSET', drop, ARGV[i], ARGV[i + 1]) end
-- A rebuild between an earlier attempt and this one has written these already.
for _, counter in ipairs({ { 'next', 1 }, { 'live', 0 }, { 'won_total', 0 }, { 'confirmed', 0 } }) do
  redis.call('HSETNX', drop, counter[1], counter[2])
end
for k = 3, #KEYS do
  if load then
    begin_caps(KEYS[k], load)
    redis.call('HSET', KEYS[k], '', load)
    keep_until(KEYS[k], closes_at + CAPS_KEPT_MS)
  end
end
return { opens_at, closes_at, epoch }
