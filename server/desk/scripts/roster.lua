-- Writes which of one gateway's students are in a room: those who came, with what is shown of them, and those
-- who left. Repeatable. All of it expires with the gateway.
--
-- KEYS  1 roster of the gateway, 2 gateways with a roster
-- ARGV  1 gateway id, 2 ms until it expires, 3 '1': the gateway has written it before, 4 how many came,
--       then for each of these: student, record; then those who left
-- Reply: 1 written | 0 nothing is there of what was written before: the gateway writes all of it again
if ARGV[3] == '1' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[3] ~= '1' then redis.call('DEL', KEYS[1]) end
local now, behind = now_ms(), 4 + 2 * tonumber(ARGV[4])
-- A field that is no student's, so that the roster of an empty room is there too.
redis.call('HSET', KEYS[1], '', '')
if behind > 4 then redis.call('HSET', KEYS[1], unpack(ARGV, 5, behind)) end
if #ARGV > behind then redis.call('HDEL', KEYS[1], unpack(ARGV, behind + 1)) end
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
