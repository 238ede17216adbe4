"""Files of tables, read and written by programs of their own, off the event loop.

A file comes from outside, and 5 KB of XLSX can ask for a terabyte of memory; a library that cannot get it
ends its process. So read_file.py and write_workbook.py are programs with bounds of memory and time, without
our settings, and programs.py runs them. Knows no ledger and no HTTP.
"""
