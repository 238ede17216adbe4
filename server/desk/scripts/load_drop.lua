-- Writes one drop as the ledger has it, in place of whatever is here. Only while the fence is shut and the
-- lease is ours. A large drop takes several calls ('1' = continue). If the ledger does not have the window yet,
-- because the opening is not finished, a window that is here stays: the room may know it already. Not that of a
-- drop that is closed here: it is being opened again, and this was the window of its opening before.
--
-- KEYS  1 fence, 2 lease, 3 drop, 4 holders, 5 free
-- ARGV  1 owner, 2 lease ms, 3 '1' = continue, 4 number of drop fields, then field, value…,
--       number of holders, then student, record…, then the free units
-- Reply: 1 | 0 the lease is not ours any more
local KEPT_SECONDS = 86400 -- for a closed drop, as in close.lua

if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('HGET', KEYS[1], 'run_id') then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local window
if ARGV[3] ~= '1' then
  window = redis.call('HMGET', KEYS[3], 'opens_at', 'closes_at', 'closed_at')
  redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
end
local at = 5
for _ = 1, tonumber(ARGV[4]) do
  redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 1])
  at = at + 2
end
local holders = tonumber(ARGV[at])
at = at + 1
for _ = 1, holders do
  redis.call('HSET', KEYS[4], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for i = at, #ARGV do redis.call('ZADD', KEYS[5], ARGV[i], ARGV[i]) end

local has = redis.call('HMGET', KEYS[3], 'opens_at', 'closed_at')
if window and window[2] and not window[3] and not has[1] and not has[2] then
  redis.call('HSET', KEYS[3], 'opens_at', window[1], 'closes_at', window[2])
end
if has[2] then
  for k = 3, 5 do redis.call('EXPIRE', KEYS[k], KEPT_SECONDS) end
end
return 1
