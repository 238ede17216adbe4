#!lua
-- Whether a script that writes may run now: memory, disk, role and replicas are looked at before a script
-- with this first line begins, and nothing is written. A read is answered by a server that is full, too.
--
-- Answer: 1, or the server's error
return 1
