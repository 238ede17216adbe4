-- Opens the fence for this server process: the last step of a rebuild. Refused unless the lease is still ours
-- and this is still the process that the desk was loaded into.
--
-- KEYS  1 fence, 2 lease      ARGV  1 owner, 2 run id, 3 epoch, 4 name of the load (caps.lua), or '' to
-- keep the name that is there
-- Reply: 1 armed | 0 start the rebuild again
if redis.call('GET', KEYS[2]) ~= ARGV[1] or run_id() ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'run_id', ARGV[2], 'epoch', ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'caps', ARGV[4]) end
redis.call('DEL', KEYS[2])
return 1
