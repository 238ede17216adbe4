"""The teacher's console, its run sheet and draws, and the page for the projector."""
