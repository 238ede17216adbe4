"""The OpenAPI document with its examples, and the page that shows it.

Made from the endpoints of all subjects; nothing else of `api/http/` imports it.
"""
