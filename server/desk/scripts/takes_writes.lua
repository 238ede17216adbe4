#!lua
-- Checks whether a script that writes may run now. Redis checks memory, disk, role and replicas before a script
-- with this first line begins; nothing is written. A read does not show that, because a full server answers it.
--
-- Reply: 1, or the server's error
return 1
