-- Who this server is, as the fences name it.
--
-- Answer: the run id of server.lua
return run_id()
