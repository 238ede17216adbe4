-- Prelude of the scripts that check whether the desk knows all used slots of a batch or a campaign. A rebuild
-- loads the caps of open drops; the others are loaded when they are needed.
--
-- The field 'caps' of the fence names this load of the desk ("<epoch>.<server>"). A desk that was loaded by an
-- earlier version has no such name, and has all caps.
-- The field '' of a caps hash (no student has this name) names the load that the hash belongs to: the bare name
-- if the hash is complete; else the name, '+', and the mark to continue from.
local CAPS_KEPT_MS = 86400000

-- Returns the name of this load; nil if all caps are here.
local function load_of(fence)
  local f = redis.call('HMGET', fence, 'epoch', 'caps')
  if f[1] and f[2] and string.sub(f[2], 1, #f[1] + 1) == f[1] .. '.' then return f[2] end
end

local function is_complete(caps, load)
  return not load or redis.call('HGET', caps, '') == load
end

-- Deletes what another load has left in the hash, because that may lack a slot.
local function begin_caps(caps, load)
  local mark = redis.call('HGET', caps, '')
  if mark and (mark == load or string.sub(mark, 1, #load + 1) == load .. '+') then return end
  redis.call('DEL', caps)
  redis.call('HSET', caps, '', load .. '+')
end

-- Only adds slots. Two processes that load at once, or a code that is bound meanwhile, therefore do no harm.
local function add_slots(caps, student, slots)
  local used = redis.call('HGET', caps, student) or ','
  for slot in string.gmatch(slots, '%d+') do
    if not string.find(used, ',' .. slot .. ',', 1, true) then used = used .. slot .. ',' end
  end
  if used ~= ',' then redis.call('HSET', caps, student, used) end
end

local function keep_until(caps, at)
  if redis.call('PEXPIRETIME', caps) < at then
    redis.call('PEXPIREAT', caps, string.format('%.0f', at))
  end
end
