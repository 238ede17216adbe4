-- Adds one more allotment to a drop (a top-up). Idempotent by the allotment's id.
-- Invariant: units have no gaps. An allotment that does not follow the last one is an error: a tap that came
-- to a gap would fail, and with it all taps of its call.
--
-- KEYS  1 fence, 2 drop      ARGV  1 allotment id, 2 first, 3 last
-- Reply: SHUT | 1 added, now or before | 0 closed, or unknown to this desk
if is_shut(KEYS[1]) then return SHUT end

local f = redis.call('HMGET', KEYS[2], 'allotments', 'closed_at', 'closes_at', 'quantity')
if not f[1] then return 0 end
local allotments = cjson.decode(f[1])
for _, a in ipairs(allotments) do
  if a[3] == ARGV[1] then return 1 end
end
if f[2] or (f[3] and now_ms() >= tonumber(f[3])) then return 0 end
local last = allotments[#allotments][2]
if tonumber(ARGV[2]) ~= last + 1 then
  return redis.error_reply('GAP units ' .. ARGV[2] .. '.. after ' .. last)
end
allotments[#allotments + 1] = { tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[1] }
redis.call('HSET', KEYS[2], 'allotments', cjson.encode(allotments), 'quantity',
  tonumber(f[4]) + tonumber(ARGV[3]) - last)
return 1
