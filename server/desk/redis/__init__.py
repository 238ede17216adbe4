"""Connections to Redis, the embedded server, replicas and versions."""
