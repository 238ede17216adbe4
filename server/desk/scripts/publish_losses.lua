-- Tells a room which claims are lost, or all rooms (feed.EVERYWHERE) which coupons have changed. Both have
-- offsets of their own: each is one student's, and many at once (holds that end together) must not push
-- drops out of the stream.
--
-- KEYS  1 feed, 2 stream, 3 losses, 4 channel
-- ARGV  1 kind, 2 what is told, as JSON, 3 how many of them are kept: a longer gap is healed by the whole state
-- Answer: the offset
local epoch = position(KEYS[1], KEYS[2])
local offset = redis.call('HINCRBY', KEYS[1], 'losses', 1)
if offset == 1 then redis.call('DEL', KEYS[3]) end -- of a feed that is gone
local message = '{"kind":"' .. ARGV[1] .. '","epoch":"' .. epoch .. '","offset":' .. offset
  .. ',"claims":' .. ARGV[2] .. '}'
redis.call('XADD', KEYS[3], 'MAXLEN', ARGV[3], offset .. '-0', 'm', message)
redis.call('SPUBLISH', KEYS[4], message)
return offset
