-- Prelude of the scripts that touch a room's feed.
-- An epoch ends when offsets can no longer be trusted: when the server process or the feed hash is another one.
-- After a restart, a restore or a flush a new epoch begins at offset 0, and gateways read the whole state.
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
