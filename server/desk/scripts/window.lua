-- Prelude of the scripts that stamp a drop's window.

-- Returns when a drop closes: '+' and ms counts from the opening, a number alone is the end. An end that is over
-- by now gives an empty window: nobody can claim, and a worker closes the drop.
local function end_of(text, opens_at)
  if string.sub(text, 1, 1) == '+' then return opens_at + tonumber(string.sub(text, 2)) end
  return math.max(opens_at, tonumber(text))
end
