-- Returns the drops that a room shows, at one position of its feed. Deletes drops that closed more than ARGV[1]
-- ms ago, and skips drops that were never published (publish.lua).
--
-- KEYS  1 feed, 2 stream, 3 drops      ARGV  1 ms that a closed drop is shown
-- Reply: {epoch, offset, offset of losses, now in ms, drop JSON…}
local epoch, offset = position(KEYS[1], KEYS[2])
local now = now_ms()
local answer = { epoch, offset, tonumber(redis.call('HGET', KEYS[1], 'losses') or 0), now }
local all = redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do
  local closed_at = string.match(all[i + 1], '"closed_at":(%d+)')
  if closed_at and tonumber(closed_at) + tonumber(ARGV[1]) < now then
    redis.call('HDEL', KEYS[3], all[i])
  elseif string.sub(all[i + 1], 1, 14) ~= '{"untold":true' then
    answer[#answer + 1] = all[i + 1]
  end
end
return answer
