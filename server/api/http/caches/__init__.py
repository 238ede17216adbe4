"""Caches of drops and links, which crowds ask for at once by HTTP.

Made by the composition root and passed in with the dependencies. Imports nothing else of `api/http/`.
"""
