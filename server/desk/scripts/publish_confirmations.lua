-- Publishes to a room which claims are confirmed, with the epoch of its feed: a gateway that follows another
-- feed ignores it. Not kept in the stream, because the desk has the claims.
--
-- KEYS  1 feed, 2 stream, 3 channel      ARGV  1 the message, up to its epoch
-- Reply: 1
local epoch = position(KEYS[1], KEYS[2])
redis.call('SPUBLISH', KEYS[3], ARGV[1] .. epoch .. '"}')
return 1
