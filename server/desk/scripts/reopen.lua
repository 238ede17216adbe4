-- Opens a closed drop again, with more units. Idempotent by the number of the opening.
-- Who holds a coupon of it keeps it. `quantity` is what the ledger says is in the drop: the units that students
-- have, and those that this opening has moved from the batch. A unit that comes back to the batch after the close
-- is therefore counted once: the desk is told of it by an intent, before or after this.
--
-- KEYS  1 fence, 2 drop, 3 holders, 4 free, 5 passed, 6 progress, then caps as in open.lua
-- ARGV  1 number of the opening, 2 allotments, 3 units in the drop, 4 beginning and 5 end as in open.lua
-- Reply: SHUT | {} this desk does not have the drop | {opens_at, closes_at, epoch of the desk} | the name of this
--        load of the desk: load the caps first
if is_shut(KEYS[1]) then return SHUT end

local drop, number = KEYS[2], tonumber(ARGV[1])
local seen = redis.call('HMGET', drop, 'opens_at', 'closes_at', 'closed_at', 'openings', 'next')
local epoch, load = epoch_of(KEYS[1]), load_of(KEYS[1])
if not seen[5] then return {} end
local opened = tonumber(seen[4] or 1)
if opened > number or (opened == number and seen[3]) then return {} end
if opened == number then return { tonumber(seen[1]), tonumber(seen[2]), epoch } end
for k = 7, #KEYS do
  if not is_complete(KEYS[k], load) then return load end
end

local opens_at = moment_of(ARGV[4], now_ms())
local closes_at = moment_of(ARGV[5], opens_at)
redis.call('HDEL', drop, 'closed_at', 'extended_by')
redis.call('HSET', drop, 'openings', number, 'allotments', ARGV[2], 'quantity', ARGV[3],
  'opens_at', string.format('%.0f', opens_at), 'closes_at', string.format('%.0f', closes_at))
for k = 2, 4 do redis.call('PERSIST', KEYS[k]) end
keep_task({ KEYS[5], KEYS[6] }, { closes_at = closes_at })
for k = 7, #KEYS do
  if load then keep_until(KEYS[k], closes_at + CAPS_KEPT_MS) end
end
return { opens_at, closes_at, epoch }
