-- Puts a pseudonym in a student's place in one key: a field of a hash, a member of a set or a sorted set.
--
-- KEYS  1 the key
-- ARGV  1 student, 2 pseudonym
-- Reply: 1 where the student was there, else 0
local student, pseudonym = ARGV[1], ARGV[2]
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'hash' then
  local value = redis.call('HGET', KEYS[1], student)
  if not value then return 0 end
  -- A claim's record has the client's own request id, which may be made of the student's.
  local head, request, rest = string.match(value, '^(%a|[^|]*|%d+|%d+|)([^|]*)(|.*)$')
  if request and string.find(request, student, 1, true) then value = head .. 'erased' .. rest end
  redis.call('HSET', KEYS[1], pseudonym, value)
  return redis.call('HDEL', KEYS[1], student)
elseif kind == 'set' then
  if redis.call('SREM', KEYS[1], student) == 0 then return 0 end
  return redis.call('SADD', KEYS[1], pseudonym)
elseif kind == 'zset' then
  local score = redis.call('ZSCORE', KEYS[1], student)
  if not score then return 0 end
  redis.call('ZADD', KEYS[1], score, pseudonym)
  return redis.call('ZREM', KEYS[1], student)
end
return 0
