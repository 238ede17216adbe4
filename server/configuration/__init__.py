"""Configuration: the environment's variables as typed settings, and the parts of the URLs in them.

Read once, by the commands. Leaves: they import nothing else of ours.
"""
