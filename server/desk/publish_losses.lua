-- Tells a room which claims are lost. They have offsets of their own: a loss is one student's, and many
-- at once (holds that end together) must not push drops out of the stream.
--
-- KEYS  1 feed, 2 stream, 3 losses, 4 channel      ARGV  1 the losses, as JSON
-- Answer: the offset
local KEPT_ENTRIES = 200 -- a gap longer than that is healed by the whole state

local epoch = position(KEYS[1], KEYS[2])
local offset = redis.call('HINCRBY', KEYS[1], 'losses', 1)
if offset == 1 then redis.call('DEL', KEYS[3]) end -- of a feed that is gone
local message = '{"kind":"lost","epoch":"' .. epoch .. '","offset":' .. offset
  .. ',"claims":' .. ARGV[1] .. '}'
redis.call('XADD', KEYS[3], 'MAXLEN', KEPT_ENTRIES, offset .. '-0', 'm', message)
redis.call('SPUBLISH', KEYS[4], message)
return offset
