-- Publishes lost claims to a room, or changed coupons to all rooms (feed.EVERYWHERE). Both have a stream and
-- offsets of their own: many at once, for example holds that end together, must not push drops out of the
-- stream of publications.
--
-- KEYS  1 feed, 2 stream, 3 losses, 4 channel
-- ARGV  1 kind, 2 the rows as JSON, 3 how many messages are kept; a longer gap: the whole state is read
-- Reply: the offset
local epoch = position(KEYS[1], KEYS[2])
local offset = redis.call('HINCRBY', KEYS[1], 'losses', 1)
if offset == 1 then redis.call('DEL', KEYS[3]) end -- left by an earlier feed
local message = '{"kind":"' .. ARGV[1] .. '","epoch":"' .. epoch .. '","offset":' .. offset
  .. ',"claims":' .. ARGV[2] .. '}'
redis.call('XADD', KEYS[3], 'MAXLEN', ARGV[3], offset .. '-0', 'm', message)
redis.call('SPUBLISH', KEYS[4], message)
return offset
