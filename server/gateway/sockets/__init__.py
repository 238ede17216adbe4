"""One client's connection: bytes, protocol, session, limits. Knows no rooms."""
