-- Prelude of the scripts that stamp a drop's window.

-- Returns when a drop opens (`from` is now) or closes (`from` is its opening): '+' and ms counts from `from`, a
-- number alone is the moment, and never before `from`. An end that is over by now therefore gives an empty window:
-- nobody can claim, and a worker closes the drop.
local function moment_of(text, from)
  if string.sub(text, 1, 1) == '+' then return from + tonumber(string.sub(text, 2)) end
  return math.max(from, tonumber(text))
end
