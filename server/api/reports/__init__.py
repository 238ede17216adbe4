"""HTTP calls of reports: figures by day, batch, room and others, and their definitions."""
