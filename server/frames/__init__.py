"""Frames: the bytes of each message on a socket, as client_sdk/PROTOCOL.md has them.

Used by gateway, api and flows; imports core and the JSON that the contract shares.
"""
