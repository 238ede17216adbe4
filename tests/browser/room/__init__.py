"""The student's card in a room, in a frame and on a school's own page."""
