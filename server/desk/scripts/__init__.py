"""The desk's Lua scripts, and their loader (`loader.py`)."""
