-- Takes or renews the lease for rebuilding this shard, and shuts its fence.
--
-- KEYS  1 fence, 2 lease      ARGV  1 owner, 2 ms, 3 '1' = only if the fence is shut already
-- Reply: nil another worker has it, or has armed the shard meanwhile | the server's run id
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] then return nil end
if ARGV[3] == '1' and not is_shut(KEYS[1]) then return nil end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('HDEL', KEYS[1], 'run_id')
return run_id()
