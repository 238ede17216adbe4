"""The system under test and the machine: a server that is given or started here, its processes and limits.

Called by the commands and the bench. Must not import `server`: a server of our own is a child process.
"""
