-- Gives a drop another limit of its campaign, if its version is newer than the one that is here. Idempotent.
-- A slot that was won by a higher limit stays.
--
-- KEYS  1 fence, 2 drop
-- ARGV  1 version, 2 per_campaign
-- Reply: SHUT | 1 it has this limit or a newer one | 0 the desk does not have it, or it has no limit
if is_shut(KEYS[1]) then return SHUT end

local f = redis.call('HMGET', KEYS[2], 'per_campaign', 'limit_version')
if not f[1] then return 0 end
if tonumber(ARGV[1]) > tonumber(f[2] or 0) then
  redis.call('HSET', KEYS[2], 'limit_version', ARGV[1], 'per_campaign', ARGV[2])
end
return 1
