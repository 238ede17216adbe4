-- Prelude of the scripts that touch a room's feed.
-- An epoch lasts as long as offsets can be trusted: the server process that made it, and the feed
-- hash. After a restart, a restore or a flush a new one begins at offset 0 and everybody reads the
-- state afresh.
-- Returns epoch, offset.
local function position(feed, stream)
  local f = redis.call('HMGET', feed, 'run_id', 'epoch', 'offset')
  local run = run_id()
  if f[1] == run then return f[2], tonumber(f[3]) end
  local epoch = string.sub(run, 1, 6) .. string.format('%.0f', now_ms())
  redis.call('DEL', stream)
  redis.call('HSET', feed, 'run_id', run, 'epoch', epoch, 'offset', 0)
  return epoch, 0
end
