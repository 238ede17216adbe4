"""Rules of approvals: what needs a second person."""
