-- Prelude of the scripts that give units away: which slots are free, and how a win is written.
--
-- `drop`, here and below: the fields of its hash as numbers. `key`: the names of its keys, of the `outbox`, and
-- `now` as text. `tap`: student, request_id, claim_id, and person and device where they are known.
-- The caps of a batch have the slots of students, of persons as 'p|<person>' and of devices as 'd|<device>'.

-- Returns the lowest slot that this student has not used, or nil.
local function free_slot(used, most)
  for slot = 1, most do
    if not string.find(used, ',' .. slot .. ',', 1, true) then return slot end
  end
end

local function use_slot(caps, cap) redis.call('HSET', caps, cap.field, cap.used .. cap.slot .. ',') end

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

-- `cap` is the cap of the batch: used slots, and the free one. `more` are those of its campaign, of the person
-- and of the device (nil: no limit).
local function win(drop, key, tap, cap, more)
  local in_all, person, device = more.campaign, more.person, more.device
  local unit = lowest_unit(drop, key.free)
  local a = allotment_of(drop, unit)
  drop.live, drop.won_total = drop.live + 1, drop.won_total + 1
  -- XADD comes first: a server whose memory is full refuses it, and then nothing was written. It would not stop
  -- a script that has begun to write.
  -- One field: a reader parses one text in a fifth of the time of 13 fields.
  local entry = { tap.claim_id, drop.drop_id, drop.batch_id, drop.room, tap.student, tap.request_id, unit,
    cap.slot, drop.per_student, a[3], a[1], a[2], key.now }
  if in_all then
    entry[14], entry[15], entry[16] = drop.campaign_id, in_all.slot, drop.per_campaign
  end
  if person or device then
    -- A field of its own: a worker of the version before does not read it.
    redis.call('XADD', key.outbox, '*', 'win', table.concat(entry, '|'), 'limits', table.concat({
      person and tap.person or '', person and person.slot or 0, person and drop.per_person or 0,
      device and tap.device or '', device and device.slot or 0, device and drop.per_device or 0 }, '|'))
  else
    redis.call('XADD', key.outbox, '*', 'win', table.concat(entry, '|'))
  end
  take(unit, drop, key.free)
  local record = table.concat({ 'w', tap.claim_id, unit, cap.slot, tap.request_id, key.now, '' }, '|')
  redis.call('HSET', key.holders, tap.student, record)
  use_slot(key.caps, cap)
  if in_all then use_slot(key.campaign_caps, in_all) end
  if person then use_slot(key.caps, person) end
  if device then use_slot(key.caps, device) end
  redis.call('HSET', key.drop, 'next', drop.next, 'live', drop.live, 'won_total', drop.won_total,
    'last_won_at', key.now)
  drop.last_won_at, drop.won_here = key.now, (drop.won_here or 0) + 1
  return record
end

-- `field` names whose slots they are.
local function look_at_cap(caps, field, most)
  local used = redis.call('HGET', caps, field) or ','
  return { field = field, used = used, slot = free_slot(used, most) }
end

-- Returns the cap of the batch, and those of the campaign, the person and the device; or nil, nil and the name of
-- the refusal where one of them is used up.
local function look_at_caps(drop, key, tap)
  local cap, more = look_at_cap(key.caps, tap.student, drop.per_student), {}
  if not cap.slot then return nil, nil, 'limit' end
  if drop.per_person and tap.person then
    more.person = look_at_cap(key.caps, 'p|' .. tap.person, drop.per_person)
    if not more.person.slot then return nil, nil, 'person_limit' end
  end
  if drop.per_device and tap.device then
    more.device = look_at_cap(key.caps, 'd|' .. tap.device, drop.per_device)
    if not more.device.slot then return nil, nil, 'device_limit' end
  end
  if drop.per_campaign then
    more.campaign = look_at_cap(key.campaign_caps, tap.student, drop.per_campaign)
    if not more.campaign.slot then return nil, nil, 'campaign_limit' end
  end
  return cap, more
end
