-- Returns the identity of this server, as the fences name it.
--
-- Reply: the run id of server.lua
return run_id()
