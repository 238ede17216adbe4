"""Pure rules of who may do something: blocks, revoked tokens, stopped instructors."""
