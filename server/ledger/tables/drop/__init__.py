"""Tables of a live class: drops and their seals, draws, tasks, the stage."""
