"""Scenarios of the bench, each with its cases, and what several of them share.

Listed in scenario_list.py. Imports nothing of the bench but scenario.py.
"""
