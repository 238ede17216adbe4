-- Decides up to 500 taps in one call. Each tap is done completely or not at all.
--
-- KEYS  1 fence, 2 outbox, 3 stops, then for each drop: drop, holders, free, caps of its batch, caps of its
--       campaign (any key if it has none)
-- ARGV  1 the stem of the ids of the claims of this call, then for each drop its taps: one line for the student
--       and one for the request id, neither of which contains a line end
-- Reply: SHUT, or one element for each tap in order:
--   a number  a refusal, by REFUSED below (claim_desk.py has the same numbers)
--   'W<record>'  won, now or by the same request before; 'A<record>' already won by another request
-- A record is state|claim|unit|slot|request|won_at|coupon, state being one of
--   w won  c confirmed  l released  v revoked
local REFUSED = { sold_out = 1, closed = 2, not_open = 3, limit = 4, unknown = 5, released = 6,
  campaign_limit = 7 }

if is_shut(KEYS[1]) then return SHUT end

local outbox, stops = KEYS[2], KEYS[3]
local now = now_ms()
local now_text = string.format('%.0f', now)

local function load_drop(id_key)
  local f = redis.call('HMGET', id_key, 'opens_at', 'closes_at', 'closed_at', 'quantity', 'next',
    'live', 'won_total', 'drop_id', 'batch_id', 'room', 'per_student', 'allotments', 'campaign_id',
    'per_campaign')
  if not f[1] then return nil end
  local stopped = redis.call('HMGET', stops, 'all', f[9], f[13] or 'all')
  return {
    opens_at = tonumber(f[1]), closes_at = tonumber(f[2]), is_closed = f[3],
    quantity = tonumber(f[4]), next = tonumber(f[5]), live = tonumber(f[6]),
    won_total = tonumber(f[7]), drop_id = f[8], batch_id = f[9], room = f[10],
    per_student = tonumber(f[11]), allotments_json = f[12], campaign_id = f[13],
    per_campaign = tonumber(f[14]), is_stopped = stopped[1] or stopped[2] or stopped[3],
  }
end

-- Returns the lowest slot that this student has not used, or nil.
local function free_slot(used, most)
  for slot = 1, most do
    if not string.find(used, ',' .. slot .. ',', 1, true) then return slot end
  end
end

local function allotment_of(drop, unit)
  drop.allotments = drop.allotments or cjson.decode(drop.allotments_json)
  for _, a in ipairs(drop.allotments) do
    if unit >= a[1] and unit <= a[2] then return a end
  end
  error('unit ' .. unit .. ' is in no allotment of ' .. drop.drop_id)
end

-- Released units come first: they are always lower than the next unit that was never taken.
local function lowest_unit(drop, free)
  local returned = redis.call('ZRANGE', free, 0, 0)
  return tonumber(returned[1] or drop.next)
end

local function take(unit, drop, free)
  if unit < drop.next then
    redis.call('ZREM', free, unit)
  else
    drop.next = unit + 1
  end
end

-- `cap` and `in_all` are the caps of the batch and of its campaign (nil: no limit): used slots, and the free
-- one.
local function win(drop, key, tap, cap, in_all)
  local unit = lowest_unit(drop, key.free)
  local a = allotment_of(drop, unit)
  drop.live, drop.won_total = drop.live + 1, drop.won_total + 1
  -- XADD comes first: a server whose memory is full refuses it, and then nothing was written. It would not stop
  -- a script that has begun to write.
  -- One field: a reader parses one text in a fifth of the time of 13 fields.
  local entry = { tap.claim_id, drop.drop_id, drop.batch_id, drop.room, tap.student, tap.request_id, unit,
    cap.slot, drop.per_student, a[3], a[1], a[2], now_text }
  if in_all then
    entry[14], entry[15], entry[16] = drop.campaign_id, in_all.slot, drop.per_campaign
  end
  redis.call('XADD', outbox, '*', 'win', table.concat(entry, '|'))
  take(unit, drop, key.free)
  local record = table.concat({ 'w', tap.claim_id, unit, cap.slot, tap.request_id, now_text, '' }, '|')
  redis.call('HSET', key.holders, tap.student, record)
  redis.call('HSET', key.caps, tap.student, cap.used .. cap.slot .. ',')
  if in_all then redis.call('HSET', key.campaign_caps, tap.student, in_all.used .. in_all.slot .. ',') end
  redis.call('HSET', key.drop, 'next', drop.next, 'live', drop.live, 'won_total', drop.won_total)
  return record
end

local function request_of(record)
  return string.match(record, '^%a|[^|]*|%d+|%d+|([^|]*)|')
end

local function look_at_cap(caps, student, most)
  local used = redis.call('HGET', caps, student) or ','
  return { used = used, slot = free_slot(used, most) }
end

local function answer(drop, key, tap, held)
  local state = held and string.sub(held, 1, 1)
  if state == 'w' or state == 'c' then
    return (request_of(held) == tap.request_id and 'W' or 'A') .. held
  end
  if state == 'l' then return REFUSED.released end
  if drop.is_closed or now >= drop.closes_at then return REFUSED.closed end
  if now < drop.opens_at or drop.is_stopped then return REFUSED.not_open end
  if drop.live >= drop.quantity then return REFUSED.sold_out end
  local cap = look_at_cap(key.caps, tap.student, drop.per_student)
  if not cap.slot then return REFUSED.limit end
  local in_all = drop.per_campaign and look_at_cap(key.campaign_caps, tap.student, drop.per_campaign)
  if in_all and not in_all.slot then return REFUSED.campaign_limit end
  local record = win(drop, key, tap, cap, in_all)
  return 'W' .. record, record
end

local answers = {}
for k = 4, #KEYS, 5 do
  local key = { drop = KEYS[k], holders = KEYS[k + 1], free = KEYS[k + 2], caps = KEYS[k + 3],
    campaign_caps = KEYS[k + 4] }
  local taps, students = {}, {}
  for student, request_id in string.gmatch(ARGV[(k + 6) / 5], '([^\n]+)\n([^\n]+)') do
    local number = #answers + #taps + 1
    taps[#taps + 1] = {
      student = student, request_id = request_id,
      claim_id = string.format('%s%03x', ARGV[1], number),
    }
    students[#students + 1] = student
  end
  local drop = load_drop(key.drop)
  local held = drop and redis.call('HMGET', key.holders, unpack(students))
  local won_here = {} -- one student may be in this call twice
  for i, tap in ipairs(taps) do
    local said, record = REFUSED.unknown, nil
    if drop then
      said, record = answer(drop, key, tap, won_here[tap.student] or held[i])
    end
    if record then won_here[tap.student] = record end
    answers[#answers + 1] = said
  end
end
return answers
