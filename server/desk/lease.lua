-- Takes or keeps the right to rebuild this desk shard, and shuts its fence.
--
-- KEYS  1 fence, 2 lease      ARGV  1 owner, 2 ms, 3 '1' = shut the fence
-- Answer: nil somebody else has it | the server's run id
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] then return nil end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
if ARGV[3] == '1' then redis.call('HDEL', KEYS[1], 'run_id') end
return run_id()
