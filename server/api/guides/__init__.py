"""Pages for the school's developers: the documents of the SDK rendered, and a table of all refusals."""
