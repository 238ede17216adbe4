"""A story that sends an example of every call to the real application, and what it compares them with."""
