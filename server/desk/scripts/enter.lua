-- Takes up to 500 taps on draws in one call: each is an entry, and takes no unit. Each is done completely or not
-- at all. One entry for each student of a drop; a repetition is told the same entry.
--
-- KEYS  1 fence, 2 stops, then for each drop: drop, holders, entrants, entries, caps of its batch, caps of its
--       campaign (any key if it has none)
-- ARGV  1 the stem of the ids of the entries of this call, then for each drop its taps as in claim.lua; behind
--       the request id always `|person|device|pseudonym|client_random`
-- Reply: SHUT, or one element for each tap in order: a number (a refusal, as in claim.lua), 'W…' or 'A…' (won in
--   the draw, as in claim.lua), or 'E<entry>'; then, for each drop in order, what a refusal is explained by (as in
--   claim.lua, but taps are not counted), '' where nobody was refused.
-- An entry is e|claim|index|0|request|entered_at|pseudonym|client_random|person|device. Its claim id is that of
-- the claim, should it win: however often winners are seated, a win is the same claim.
-- `entries` lists those that the ledger does not have yet, each with `|student` at its end.
local REFUSED = { closed = 2, not_open = 3, limit = 4, unknown = 5, released = 6, campaign_limit = 7,
  person_limit = 8, device_limit = 9, blocked = 10 }
local BLOCKED = 33 -- '!' before the request id, as in claim.lua

if is_shut(KEYS[1]) then return SHUT end

local now = now_ms()
local now_text = string.format('%.0f', now)

local function load_drop(key)
  local f = redis.call('HMGET', key, 'opens_at', 'closes_at', 'closed_at', 'entered', 'mode', 'batch_id',
    'campaign_id', 'per_student', 'per_campaign', 'per_person', 'per_device', 'quantity')
  if not f[1] or f[5] ~= 'draw' then return nil end
  local stopped = redis.call('HMGET', KEYS[2], 'all', f[6], f[7] or 'all')
  return { opens_at = tonumber(f[1]), closes_at = tonumber(f[2]), is_closed = f[3],
    entered = tonumber(f[4] or 0), per_student = tonumber(f[8]), per_campaign = tonumber(f[9]),
    per_person = tonumber(f[10]), per_device = tonumber(f[11]), quantity = tonumber(f[12]),
    is_stopped = stopped[1] or stopped[2] or stopped[3] }
end

local function enter(drop, key, tap)
  local entry = table.concat({ 'e', tap.claim_id, drop.entered, 0, tap.request_id, now_text, tap.pseudonym,
    tap.client_random, tap.person or '', tap.device or '' }, '|')
  -- First: a server whose memory is full refuses it, and then nothing was written.
  redis.call('RPUSH', key.entries, entry .. '|' .. tap.student)
  redis.call('HSET', key.entrants, tap.student, entry)
  drop.entered = drop.entered + 1
  redis.call('HSET', key.drop, 'entered', drop.entered)
  return entry
end

local function answer(drop, key, tap, held, entry)
  local state = held and string.sub(held, 1, 1)
  if state == 'w' or state == 'c' then
    return (string.match(held, '^%a|[^|]*|%d+|%d+|([^|]*)|') == tap.request_id and 'W' or 'A') .. held
  end
  if state == 'l' then return REFUSED.released end
  if entry then return 'E' .. entry end
  if tap.is_blocked then return REFUSED.blocked end
  if drop.is_closed or now >= drop.closes_at then return REFUSED.closed end
  if now < drop.opens_at or drop.is_stopped then return REFUSED.not_open end
  local _, _, used_up = look_at_caps(drop, key, tap)
  if used_up then return REFUSED[used_up] end
  entry = enter(drop, key, tap)
  return 'E' .. entry, entry
end

local function told(drop)
  return string.format('%.0f|0|%d|0|%.0f|%.0f|%d|%d|%d|%d', now, drop.quantity, drop.opens_at,
    drop.is_closed or drop.closes_at, drop.per_student, drop.per_campaign or 0, drop.per_person or 0,
    drop.per_device or 0)
end

local function read_tap(student, line, claim_id)
  local is_blocked = string.byte(line) == BLOCKED
  if is_blocked then line = string.sub(line, 2) end
  local request_id, person, device, pseudonym, client_random =
    string.match(line, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)$')
  return { student = student, request_id = request_id, is_blocked = is_blocked, claim_id = claim_id,
    person = person ~= '' and person or nil, device = device ~= '' and device or nil,
    pseudonym = pseudonym, client_random = client_random }
end

local answers, explained = {}, {}
for k = 3, #KEYS, 6 do
  local key = { drop = KEYS[k], holders = KEYS[k + 1], entrants = KEYS[k + 2], entries = KEYS[k + 3],
    caps = KEYS[k + 4], campaign_caps = KEYS[k + 5] }
  local taps, students = {}, {}
  for student, line in string.gmatch(ARGV[(k + 9) / 6], '([^\n]+)\n([^\n]+)') do
    local number = #answers + #taps + 1
    taps[#taps + 1] = read_tap(student, line, string.format('%s%03x', ARGV[1], number))
    students[#students + 1] = student
  end
  local drop = load_drop(key.drop)
  local held = drop and redis.call('HMGET', key.holders, unpack(students))
  local known = drop and redis.call('HMGET', key.entrants, unpack(students))
  local is_refused = false
  local entered_here = {} -- one student may be in this call twice
  for i, tap in ipairs(taps) do
    local said, entry = REFUSED.unknown, nil
    if drop then
      said, entry = answer(drop, key, tap, held[i], entered_here[tap.student] or known[i])
    end
    if entry then entered_here[tap.student] = entry end
    if type(said) == 'number' then is_refused = true end
    answers[#answers + 1] = said
  end
  explained[#explained + 1] = drop and is_refused and told(drop) or ''
end
for _, text in ipairs(explained) do answers[#answers + 1] = text end
return answers
