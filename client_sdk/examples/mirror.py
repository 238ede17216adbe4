"""A mirror of Classdrop's coupons in 40 lines: it follows GET /v1/events, and misses none.

Run: `python -m client_sdk.examples.mirror http://localhost:8000 TOKEN`, with a token of the role `service`.
`apply` may get an event twice and late, from a webhook, a replay or after a restart: a coupon remembers the
number of the last event that changed it. Store coupons and `position` together in one transaction of your
database; here they are in memory. Webhooks make a mirror quicker, and this makes it whole.
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from client_sdk.python import Api


class Mirror:
    def __init__(self) -> None:
        self.coupons: dict[str, dict[str, Any]] = {}
        self.position = 0  # all events up to this number are in

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take an event in. Its data name the coupon, or the coupons of the order, with their state since."""
        seq, data = event["seq"], event["data"]
        if event["type"].startswith("coupon."):
            self._change(data["coupon_id"], seq, {**data, "id": data["coupon_id"]})
        for moved in data["coupons"] if event["type"].startswith("redemption.") else ():
            self._change(moved["id"], seq, moved)

    def _change(self, coupon_id: str, seq: int, facts: Mapping[str, Any]) -> None:
        known = self.coupons.setdefault(coupon_id, {"seq": 0})
        is_newer = seq > known["seq"]
        # Facts that never change are taken from any event, the state from the newest one.
        self.coupons[coupon_id] = {**facts, **known, **(facts if is_newer else {})}
        self.coupons[coupon_id]["seq"] = max(seq, known["seq"])

    async def follow(self, api: Api, wait_seconds: int = 25) -> None:
        """Read on until there is nothing for `wait_seconds`."""
        while True:
            page = await api.read_events(self.position, wait_seconds=wait_seconds, limit=1_000)
            for event in page["events"]:
                self.apply(event)
            if page["next"] == self.position:
                return
            self.position = page["next"]


async def main(url: str, token: str) -> None:
    mirror = Mirror()
    async with Api(url, lambda: token) as api:
        while True:
            await mirror.follow(api)
            sys.stdout.write(f"{len(mirror.coupons)} coupons at event {mirror.position}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
