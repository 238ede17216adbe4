-- Appends to a room's feed and publishes to every gateway with students in the room, in one step: every message
-- that was published can be read again by its offset. Idempotent by the publication's id.
--
-- KEYS  1 feed, 2 stream, 3 drops, 4 published, 5 channel
-- ARGV  1 kind, 2 drop id, 3 the drop as JSON, 4 '1' = only if the room shows it, and not as closed;
--       '2' = a room that never got the drop does not get its end either; '3' = a closed drop is opened again;
--       '4' = only if the room shows it as closed
-- Reply: the offset; if nothing was published, the last one
local KEPT_ENTRIES = 200 -- a longer gap is filled by reading the whole state
local REMEMBERED_SECONDS = 3600
local UNTOLD = '{"untold":true'

local done = redis.call('GET', KEYS[4])
if done then return tonumber(done) end
local epoch, offset = position(KEYS[1], KEYS[2])
-- An opening ends once: a message of a process that did not know of the end comes too late.
local shown = redis.call('HGET', KEYS[3], ARGV[2])
local is_over = shown and string.find(shown, '"closed_at":%d')
if ARGV[4] == '4' and not is_over then return offset end
local may_follow = ARGV[4] == '3' or ARGV[4] == '4' or (ARGV[1] == 'closed' and ARGV[4] ~= '1')
if is_over and not may_follow then return offset end
if (ARGV[4] == '1' and not shown) or (shown and string.sub(shown, 1, 14) == UNTOLD) then
  return offset
end
if ARGV[4] == '2' and not shown then
  -- Store it all the same: a process that was suspended may publish the opening later.
  redis.call('HSET', KEYS[3], ARGV[2], UNTOLD .. ',' .. string.sub(ARGV[3], 2))
  return offset
end
offset = offset + 1
redis.call('HSET', KEYS[1], 'offset', offset)
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
-- %.0f, because Lua writes a number of this size as 1.7e+12.
local message = '{"kind":"' .. ARGV[1] .. '","epoch":"' .. epoch .. '","offset":' .. offset
  .. ',"at":' .. string.format('%.0f', now_ms()) .. ',"drop":' .. ARGV[3] .. '}'
redis.call('XADD', KEYS[2], 'MAXLEN', KEPT_ENTRIES, offset .. '-0', 'm', message)
redis.call('SET', KEYS[4], offset, 'EX', REMEMBERED_SECONDS)
redis.call('SPUBLISH', KEYS[5], message)
return offset
