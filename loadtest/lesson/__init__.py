"""The lesson: Locust users who behave as people in a class do.

`locustfile.py`, one folder up, is what Locust loads. `students.py` and `instructor.py` are its users,
`room_connection.py` and `gevent_socket.py` connect a student, `student_outcomes.py` collects what the verdict
needs. Only a process of Locust's may import `students`, `instructor`, `checkout` and `current_lesson`.
"""
