"""Limits of how often one student or address may claim or try a code by HTTP.

Made by the composition root and passed in with the dependencies. Imports nothing else of `api/http/`.
"""
