-- Decides up to 500 taps in one call. Each tap is done completely or not at all.
--
-- KEYS  1 fence, 2 outbox, 3 stops, then for each drop: drop, holders, free, caps of its batch, caps of its
--       campaign (any key if it has none), students who have done its task
-- ARGV  1 the stem of the ids of the claims of this call, then for each drop its taps: one line for the student
--       and one for the request id, or `request|person|device` where the token has one of these two. None of
--       them contains a line end or a `|`. '!' before the request id: the student is blocked, and only a claim
--       that they have already is told
-- Reply: SHUT, or one element for each tap in order:
--   a number  a refusal, by REFUSED below (claim_desk.py has the same numbers)
--   'W<record>'  won, now or by the same request before; 'A<record>' already won by another request
-- then, for each drop in order, what a refusal is explained by (`told`), '' where nobody was refused.
-- Taps on an open drop that win, or find no stock or no slot, are counted: that is the number of a tap.
-- The caps of a batch have the slots of students, of persons as 'p|<person>' and of devices as 'd|<device>'.
-- A record is state|claim|unit|slot|request|won_at|coupon, state being one of
--   w won  c confirmed  l released  v revoked
local REFUSED = { sold_out = 1, closed = 2, not_open = 3, limit = 4, unknown = 5, released = 6,
  campaign_limit = 7, person_limit = 8, device_limit = 9, blocked = 10, task_open = 11 }
local KEYS_OF_DROP = 6
local BLOCKED = 33 -- the byte '!', which no request id has: before that of a student who is blocked

if is_shut(KEYS[1]) then return SHUT end

local outbox, stops = KEYS[2], KEYS[3]
local now = now_ms()
local now_text = string.format('%.0f', now)

local function load_drop(id_key)
  local f = redis.call('HMGET', id_key, 'opens_at', 'closes_at', 'closed_at', 'quantity', 'next',
    'live', 'won_total', 'drop_id', 'batch_id', 'room', 'per_student', 'allotments', 'campaign_id',
    'per_campaign', 'per_person', 'per_device', 'taps', 'last_won_at', 'task', 'mode')
  if not f[1] or f[20] then return nil end -- a draw: enter.lua takes its taps
  local stopped = redis.call('HMGET', stops, 'all', f[9], f[13] or 'all')
  return {
    opens_at = tonumber(f[1]), closes_at = tonumber(f[2]), is_closed = f[3],
    quantity = tonumber(f[4]), next = tonumber(f[5]), live = tonumber(f[6]),
    won_total = tonumber(f[7]), drop_id = f[8], batch_id = f[9], room = f[10],
    per_student = tonumber(f[11]), allotments_json = f[12], campaign_id = f[13],
    per_campaign = tonumber(f[14]), per_person = tonumber(f[15]), per_device = tonumber(f[16]),
    taps = tonumber(f[17]), last_won_at = f[18], counted = 0, won_here = 0,
    is_stopped = stopped[1] or stopped[2] or stopped[3], has_task = f[19],
  }
end

local function request_of(record)
  return string.match(record, '^%a|[^|]*|%d+|%d+|([^|]*)|')
end

-- Splits person and device off the request id. Called only where they matter: most taps find nothing left.
local function read_holders(tap)
  local at = string.find(tap.request_id, '|', 1, true)
  if not at then return end
  local person, device = string.match(tap.request_id, '^|([^|]*)|(.*)$', at)
  if person ~= '' then tap.person = person end
  if device ~= '' then tap.device = device end
  tap.request_id = string.sub(tap.request_id, 1, at - 1)
end

local function answer(drop, key, tap, held)
  local state = held and string.sub(held, 1, 1)
  if state == 'w' or state == 'c' then
    read_holders(tap)
    return (request_of(held) == tap.request_id and 'W' or 'A') .. held
  end
  if state == 'l' then return REFUSED.released end
  if tap.is_blocked then return REFUSED.blocked end
  if drop.is_closed or now >= drop.closes_at then return REFUSED.closed end
  if now < drop.opens_at or drop.is_stopped then return REFUSED.not_open end
  drop.counted = drop.counted + 1
  if drop.live >= drop.quantity then return REFUSED.sold_out end
  if drop.has_task and redis.call('SISMEMBER', key.passed, tap.student) == 0 then
    return REFUSED.task_open
  end
  read_holders(tap)
  local cap, more, used_up = look_at_caps(drop, key, tap)
  if used_up then return REFUSED[used_up] end
  local record = win(drop, key, tap, cap, more)
  return 'W' .. record, record
end

-- Returns what the refusals of this call are explained by: claim_answers.py has the order.
local function told(drop)
  -- After a rebuild the taps before it are not known. Each win was one.
  local taps = drop.taps or drop.won_total - drop.won_here
  local ended_at = drop.is_closed or drop.closes_at
  return string.format('%.0f|%d|%d|%s|%.0f|%.0f|%d|%d|%d|%d', now, taps, drop.quantity,
    drop.last_won_at or '0', drop.opens_at, ended_at, drop.per_student, drop.per_campaign or 0,
    drop.per_person or 0, drop.per_device or 0)
end

-- Neither replicated nor written to the AOF: a call that only refuses then still costs no write to the disk, and
-- is answered where nothing can be written.
local function count_taps(drop, key)
  if drop.counted == 0 then return end
  local taps = drop.counted
  if not drop.taps then taps = taps + drop.won_total - drop.won_here end
  redis.set_repl(redis.REPL_NONE)
  redis.pcall('HINCRBY', key.drop, 'taps', taps)
  redis.set_repl(redis.REPL_ALL)
end

local answers, explained = {}, {}
for k = 4, #KEYS, KEYS_OF_DROP do
  local key = { drop = KEYS[k], holders = KEYS[k + 1], free = KEYS[k + 2], caps = KEYS[k + 3],
    campaign_caps = KEYS[k + 4], passed = KEYS[k + 5], outbox = outbox, now = now_text }
  local taps, students = {}, {}
  for student, request_id in string.gmatch(ARGV[(k - 4) / KEYS_OF_DROP + 2], '([^\n]+)\n([^\n]+)') do
    local number = #answers + #taps + 1
    local is_blocked = string.byte(request_id) == BLOCKED
    if is_blocked then request_id = string.sub(request_id, 2) end
    taps[#taps + 1] = {
      student = student, request_id = request_id, is_blocked = is_blocked,
      claim_id = string.format('%s%03x', ARGV[1], number),
    }
    students[#students + 1] = student
  end
  local drop = load_drop(key.drop)
  local held = drop and redis.call('HMGET', key.holders, unpack(students))
  local won_here = {} -- one student may be in this call twice
  local is_refused = false
  for i, tap in ipairs(taps) do
    local said, record = REFUSED.unknown, nil
    if drop then
      said, record = answer(drop, key, tap, won_here[tap.student] or held[i])
    end
    if record then won_here[tap.student] = record end
    if type(said) == 'number' then is_refused = true end
    answers[#answers + 1] = said
  end
  explained[#explained + 1] = drop and is_refused and told(drop) or ''
  if drop then count_taps(drop, key) end
end
for _, text in ipairs(explained) do answers[#answers + 1] = text end
return answers
