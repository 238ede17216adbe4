-- Takes slots of each cap for the students of a piece of an issuance, as claim.lua does for taps, on the same
-- caps. Each student gets all slots or none. Idempotent by issuance and student, while `taken` is kept.
--
-- KEYS  1 fence, 2 taken, then caps: of the batch, of its campaign, or one of them; perhaps that of the batch
--       once more, for its persons
-- ARGV  1 slots that each student needs of each cap, 2 '1' = the caller has read the ledger, then for each cap
--       how many a student may have, then the students: a line each with the name, or `name|person` where it
--       is known whose account it is, and, for each cap, a space and the slots that the ledger says are used
--       (",1,2,"; ignored where the caller has not read it). The cap of persons comes last, and only those with
--       a person have slots of it
-- Reply: SHUT | the name of this load of the desk: a cap is not complete, and the caller has not read the
--        ledger | {epoch of the desk, a line for each student: the slots "1,2;7,8" (caps by ';'), or '!' and
--        the number of the cap of which too few are left}
local KEPT_SECONDS = 604800 -- longer than any cap is kept without an open drop

if is_shut(KEYS[1]) then return SHUT end

local epoch, load, count = epoch_of(KEYS[1]), load_of(KEYS[1]), #KEYS - 2
local needed, knows = tonumber(ARGV[1]), ARGV[2] == '1'

for cap = 1, count do
  if not is_complete(KEYS[cap + 2], load) then
    if not knows then return load end
    begin_caps(KEYS[cap + 2], load)
    keep_until(KEYS[cap + 2], now_ms() + CAPS_KEPT_MS)
  end
end

local function free_slots(used, most)
  local found = {}
  for slot = 1, most do
    if #found == needed then break end
    if not string.find(used, ',' .. slot .. ',', 1, true) then found[#found + 1] = slot end
  end
  return #found == needed and table.concat(found, ',')
end

-- Returns what this student was given before, unless the desk was loaded anew since. It was for the same person:
-- else the slots count for nobody any more, until the next load.
local function given_before(student, person)
  local slots, given_by, of =
    string.match(redis.call('HGET', KEYS[2], student) or '', '^([%d,;]+)@(%d+)|?(.*)$')
  return tonumber(given_by) == epoch and of == (person or '') and slots
end

-- Returns the field of each cap that the student counts for.
local function fields_of(student, person)
  local fields = {}
  for cap = 1, count do
    -- The key of the first cap, once more: that of persons.
    local is_of_person = cap > 1 and KEYS[cap + 2] == KEYS[3]
    if not is_of_person then fields[cap] = student elseif person then fields[cap] = 'p|' .. person end
  end
  return fields
end

local function take(student, person, known)
  local used, slots, fields = {}, {}, fields_of(student, person)
  for cap, field in ipairs(fields) do
    if knows then add_slots(KEYS[cap + 2], field, known()) end
    used[cap] = redis.call('HGET', KEYS[cap + 2], field) or ','
    slots[cap] = free_slots(used[cap], tonumber(ARGV[cap + 2]))
    if not slots[cap] then return '!' .. cap end
  end
  local given = table.concat(slots, ';')
  local kept = string.format('%s@%.0f', given, epoch)
  if person then kept = kept .. '|' .. person end
  redis.call('HSET', KEYS[2], student, kept)
  for cap, field in ipairs(fields) do
    redis.call('HSET', KEYS[cap + 2], field, used[cap] .. slots[cap] .. ',')
  end
  return given
end

-- One text each way: to encode and decode 500 parts takes the caller longer than this script runs.
local lines = {}
for line in string.gmatch(ARGV[3 + count], '[^\n]+') do
  local words = string.gmatch(line, '[^ ]+')
  local student, person = string.match(words(), '^([^|]+)|?(.*)$')
  if person == '' then person = nil end
  lines[#lines + 1] = given_before(student, person) or take(student, person, words)
end
redis.call('EXPIRE', KEYS[2], KEPT_SECONDS)
return { epoch, table.concat(lines, '\n') }
