"""Actors of the story: students, teachers and givers, and the sessions in which they act."""
