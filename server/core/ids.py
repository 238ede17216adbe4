"""Types for ids and numbers that stand side by side and must not be swapped.

A type checker tells them apart; at run time they are plain `str` and `int`. A value gets its type where it
enters: where a Redis value, an SQL row or a frame is decoded, and where server/ids.py has made a new id.
"""

from typing import NewType

BatchId = NewType("BatchId", str)
DropId = NewType("DropId", str)
ClaimId = NewType("ClaimId", str)
CouponId = NewType("CouponId", str)
StudentId = NewType("StudentId", str)  # the subject of a student's token

Unit = NewType("Unit", int)  # the number of one piece of a drop's stock, from 1
Slot = NewType("Slot", int)  # which of the `per_student` claims of a batch or campaign, from 1
