"""The open rooms of a process: what each shows, who is in it, and how it follows the feed."""
