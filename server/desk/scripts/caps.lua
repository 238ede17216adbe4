-- Prelude of the scripts that ask whether the desk knows all that the students of a batch or a campaign have
-- used. A rebuild loads the caps of what is open; the others are loaded when they are needed.
--
-- The field 'caps' of the fence names this load of the desk ("<epoch>.<server>"). A desk that a version before
-- this one has loaded has no such name, and all caps.
-- The field '' of a caps hash (no student is called so) names the load that the hash belongs to: the bare name
-- where the hash is complete; the name, '+', and how far the loading has come where it is not.
local CAPS_KEPT_MS = 86400000

-- nil: all caps are here.
local function load_of(fence)
  local f = redis.call('HMGET', fence, 'epoch', 'caps')
  if f[1] and f[2] and string.sub(f[2], 1, #f[1] + 1) == f[1] .. '.' then return f[2] end
end

local function is_complete(caps, load)
  return not load or redis.call('HGET', caps, '') == load
end

-- What another load has left in the hash may lack a slot: it goes.
local function begin_caps(caps, load)
  local mark = redis.call('HGET', caps, '')
  if mark and (mark == load or string.sub(mark, 1, #load + 1) == load .. '+') then return end
  redis.call('DEL', caps)
  redis.call('HSET', caps, '', load .. '+')
end

-- Slots are only added. So two who load at once, and a code that is bound meanwhile, do no harm.
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
