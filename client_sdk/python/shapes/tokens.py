"""Tokens: who somebody is."""

from typing import Literal

Role = Literal["student", "instructor", "operator", "finance", "service", "screen", "support"]
