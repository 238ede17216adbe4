"""Tables of students: what is known of them, who is meant or barred, and what they are told."""
