"""SQL of all that is kept about one student: their history, export, erasure and merge."""
