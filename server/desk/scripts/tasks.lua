-- Prelude of the scripts of tasks: may students still do the task of this drop?
local TASK_KEPT_MS = 172800000 -- two days: an extended drop ends within the first

-- Returns the drop's window, or nil where it is not on the desk, has no task, or is closed.
local function open_task(drop)
  local f = redis.call('HMGET', drop, 'opens_at', 'closes_at', 'closed_at', 'task')
  if not f[1] or f[3] or not f[4] or now_ms() >= tonumber(f[2]) then return nil end
  return { opens_at = tonumber(f[1]), closes_at = tonumber(f[2]) }
end

-- Never shortens what is left: a link that is paused has an end that is over, and goes on later.
local function keep_task(keys, window)
  local at = string.format('%.0f', window.closes_at + TASK_KEPT_MS)
  for _, key in ipairs(keys) do
    if redis.call('PEXPIRETIME', key) < tonumber(at) then redis.call('PEXPIREAT', key, at) end
  end
end
