"""Use cases of who may do something: blocks, revoked tokens, stopped instructors."""
