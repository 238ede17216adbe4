-- Tells a room which claims are in the ledger, and the epoch of its feed: whoever follows another feed lets it
-- pass. Not in the stream: the desk has them.
--
-- KEYS  1 feed, 2 stream, 3 channel      ARGV  1 the message, up to its epoch
-- Answer: 1
local epoch = position(KEYS[1], KEYS[2])
redis.call('SPUBLISH', KEYS[3], ARGV[1] .. epoch .. '"}')
return 1
