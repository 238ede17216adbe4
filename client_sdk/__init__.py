"""The clients of Classdrop in Python and JavaScript, twins by file names. They know nothing of the server."""
