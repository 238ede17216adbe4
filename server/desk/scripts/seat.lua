-- Gives units to entries of a draw that is closed, in the order of the draw, as claim.lua gives them to taps: the
-- same records, caps and outbox. Whoever has no free slot left passes, and so does an entry that is not here.
-- Repeatable: the claim of an entry has the id that the entry was given, and a student has one.
--
-- KEYS  1 fence, 2 outbox, 3 drop, 4 holders, 5 entrants, 6 free, 7 caps of its batch, 8 caps of its campaign, if
--       that has a limit
-- ARGV  1 units of the draw, then the students in order
-- Reply: SHUT | the name of this load of the desk: a cap is not complete | {epoch, 'seated' now or before, how many
--        of these students were looked at, live claims}; {epoch, -1} where the desk does not have the drop
if is_shut(KEYS[1]) then return SHUT end

local epoch, load = epoch_of(KEYS[1]), load_of(KEYS[1])
local f = redis.call('HMGET', KEYS[3], 'closed_at', 'quantity', 'next', 'live', 'won_total', 'drop_id', 'batch_id',
  'room', 'per_student', 'allotments', 'campaign_id', 'per_campaign', 'per_person', 'per_device')
if not f[1] or not f[2] then return { epoch, -1 } end
for k = 7, #KEYS do
  if not is_complete(KEYS[k], load) then return load end
end
local drop = { quantity = tonumber(f[2]), next = tonumber(f[3]), live = tonumber(f[4]),
  won_total = tonumber(f[5]), drop_id = f[6], batch_id = f[7], room = f[8], per_student = tonumber(f[9]),
  allotments_json = f[10], campaign_id = f[11], per_campaign = tonumber(f[12]), per_person = tonumber(f[13]),
  per_device = tonumber(f[14]) }
local key = { drop = KEYS[3], holders = KEYS[4], free = KEYS[6], caps = KEYS[7], campaign_caps = KEYS[8],
  outbox = KEYS[2], now = string.format('%.0f', now_ms()) }
local units = math.min(tonumber(ARGV[1]), drop.quantity)

local function read_entry(student, entry)
  local claim_id, request_id, person, device =
    string.match(entry, '^e|([^|]*)|%d+|0|([^|]*)|%d+|[^|]*|[^|]*|([^|]*)|([^|]*)$')
  return { student = student, claim_id = claim_id, request_id = request_id,
    person = person ~= '' and person or nil, device = device ~= '' and device or nil }
end

local seated, looked_at = 0, 0
for i = 2, #ARGV do
  if drop.live >= units then break end
  looked_at = looked_at + 1
  local student = ARGV[i]
  local entry = redis.call('HGET', KEYS[5], student)
  if redis.call('HEXISTS', KEYS[4], student) == 1 then
    seated = seated + 1
  elseif entry then
    local tap = read_entry(student, entry)
    local cap, more = look_at_caps(drop, key, tap)
    if cap then
      win(drop, key, tap, cap, more)
      seated = seated + 1
    end
  end
end
-- A set or hash of a drop that is over may be new: let it expire with the drop.
local left_ms = redis.call('PTTL', KEYS[3])
if left_ms > 0 then
  redis.call('PEXPIRE', KEYS[4], left_ms)
  redis.call('PEXPIRE', KEYS[6], left_ms)
end
return { epoch, seated, looked_at, drop.live }
