"""Issuances: coupons for students who do not tap.

`issuances.py` has the requests, `issue.py` what every way of issuing calls, `drive_issuances.py` the worker's
part, which goes on piece by piece (`issue_piece.py`). Imports the modules above it and is imported by none.
"""
