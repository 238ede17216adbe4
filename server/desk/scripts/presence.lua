-- Stores how many students one gateway has in a room; returns how many all gateways have.
--
-- KEYS  1 presence, 2 counts      ARGV  1 gateway id, 2 students, 3 ms until its count expires
-- Reply: students in the room over all gateways
local now = now_ms()
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
local all = 0
for _, count in ipairs(redis.call('HVALS', KEYS[2])) do all = all + tonumber(count) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return all
