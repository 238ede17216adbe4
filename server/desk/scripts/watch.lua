-- Adds times that students were in the room to what they have watched of a drop. One clock for each student,
-- however many sockets and processes tell of it: what was told before is not counted twice, in whichever order
-- it comes. Repeatable.
--
-- A record is `ms|floor|from-until,from-until…`: `ms` watched before `floor`, and the spans after it, apart from
-- each other and in order. All times in ms. Spans older than REMEMBERED_MS are folded into `ms`.
--
-- KEYS  1 fence, 2 drop, 3 passed, 4 progress
-- ARGV  1 needed ms, then for each student: student, from, until
-- Reply: SHUT | {} no such task is open | for each student the ms watched, below zero: passed
local REMEMBERED_MS = 120000

if is_shut(KEYS[1]) then return SHUT end
local window = open_task(KEYS[2])
if not window then return {} end

-- Returns the union of the spans with one more, and its length.
local function joined(spans, from, until_)
  local kept, length, placed = {}, 0, false
  for _, span in ipairs(spans) do
    if span[2] < from then
      kept[#kept + 1] = span
    elseif span[1] > until_ then
      if not placed then kept[#kept + 1], placed = { from, until_ }, true end
      kept[#kept + 1] = span
    else
      from, until_ = math.min(from, span[1]), math.max(until_, span[2])
    end
  end
  if not placed then kept[#kept + 1] = { from, until_ } end
  for _, span in ipairs(kept) do length = length + span[2] - span[1] end
  return kept, length
end

local function read(record)
  local spans = {}
  if not record then return 0, 0, spans end
  local ms, floor, rest = string.match(record, '^(%d+)|(%d+)|(.*)$')
  for from, until_ in string.gmatch(rest, '(%d+)%-(%d+)') do
    spans[#spans + 1] = { tonumber(from), tonumber(until_) }
  end
  return tonumber(ms), tonumber(floor), spans
end

-- Adds spans that ended long ago to `ms`: nobody tells of times as old as these any more.
local function folded(ms, floor, spans, before)
  local kept = {}
  for _, span in ipairs(spans) do
    if span[2] < before then
      ms, floor = ms + span[2] - span[1], span[2]
    elseif span[1] < before then
      ms, floor = ms + before - span[1], before
      kept[#kept + 1] = { before, span[2] }
    else
      kept[#kept + 1] = span
    end
  end
  return ms, floor, kept
end

local function written(ms, floor, spans)
  local texts = {}
  for i, span in ipairs(spans) do texts[i] = string.format('%.0f-%.0f', span[1], span[2]) end
  return string.format('%.0f|%.0f|', ms, floor) .. table.concat(texts, ',')
end

local needed, now = tonumber(ARGV[1]), now_ms()
local students = {}
for i = 2, #ARGV, 3 do students[#students + 1] = ARGV[i] end
local records = redis.call('HMGET', KEYS[4], unpack(students))
local here, answers, changed, passed = {}, {}, {}, {}
for i, student in ipairs(students) do
  local ms, floor, spans = read(here[student] or records[i])
  local from = math.max(tonumber(ARGV[3 * i]), floor, window.opens_at)
  local until_ = math.min(tonumber(ARGV[3 * i + 1]), window.closes_at, now + 5000)
  local length = 0
  if until_ > from then
    spans, length = joined(spans, from, until_)
  else
    for _, span in ipairs(spans) do length = length + span[2] - span[1] end
  end
  local total = ms + length
  ms, floor, spans = folded(ms, floor, spans, now - REMEMBERED_MS)
  here[student] = written(ms, floor, spans)
  changed[#changed + 1], changed[#changed + 2] = student, here[student]
  if total >= needed then passed[#passed + 1] = student end
  answers[i] = total >= needed and -total or total
end
if #changed > 0 then redis.call('HSET', KEYS[4], unpack(changed)) end
if #passed > 0 then redis.call('SADD', KEYS[3], unpack(passed)) end
keep_task({ KEYS[3], KEYS[4] }, window)
return answers
