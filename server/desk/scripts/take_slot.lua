-- Takes the lowest free slot of each cap for a code that a student binds, as claim.lua does for a tap, on the
-- same caps; of all caps or of none. Idempotent by code and student for an hour: a repetition returns the same
-- slots.
--
-- KEYS  1 fence, 2 binding, then the key of each cap: those of the student, person and device have one key
-- ARGV  for each of these caps the field of whose slots it counts, then for each how many they may have, then,
--       where the caller has read the ledger, for each the slots that they have used (",1,2,"): these are
--       counted too
-- Reply: SHUT | the number of the cap of which all are used | {epoch of the desk, a slot of each cap} | the
--        name of this load of the desk: a cap is not complete, and the caller has not read the ledger
local KEPT_SECONDS = 3600

if is_shut(KEYS[1]) then return SHUT end

local epoch, load, count = epoch_of(KEYS[1]), load_of(KEYS[1]), #KEYS - 2

-- Returns what this code was given before. After a rebuild that is void: the desk may have given the slots to a
-- tap.
local function given_before()
  local slots, given_by = string.match(redis.call('GET', KEYS[2]) or '', '^([%d,]+)@(%d+)$')
  if tonumber(given_by) ~= epoch then return nil end
  local answer = { epoch }
  for slot in string.gmatch(slots, '%d+') do answer[#answer + 1] = tonumber(slot) end
  return #answer == #KEYS - 1 and answer
end

local function free_slot(used, most)
  for slot = 1, most do
    if not string.find(used, ',' .. slot .. ',', 1, true) then return slot end
  end
end

-- Adds the slots that the ledger has of this field; returns false if they are needed and were not given.
-- In a cap that is not complete these are all there are: no drop of it is open, so no tap takes a slot.
local function add_known(cap)
  local caps, field, known = KEYS[cap + 2], ARGV[cap], ARGV[2 * count + cap]
  if is_complete(caps, load) then
    if known then add_slots(caps, field, known) end
    return true
  end
  if not known then return false end
  begin_caps(caps, load)
  add_slots(caps, field, known)
  keep_until(caps, now_ms() + CAPS_KEPT_MS)
  return true
end

local before = given_before()
if before then return before end

local used, slots = {}, {}
for cap = 1, count do
  if not add_known(cap) then return load end
  used[cap] = redis.call('HGET', KEYS[cap + 2], ARGV[cap]) or ','
  slots[cap] = free_slot(used[cap], tonumber(ARGV[count + cap]))
  if not slots[cap] then return cap end
end
local kept = string.format('%s@%.0f', table.concat(slots, ','), epoch)
redis.call('SET', KEYS[2], kept, 'EX', KEPT_SECONDS)
for cap, slot in ipairs(slots) do
  redis.call('HSET', KEYS[cap + 2], ARGV[cap], used[cap] .. slot .. ',')
end
return { epoch, unpack(slots) }
