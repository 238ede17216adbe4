"""A school with rows in every list of the office. It is made by calls, and knows where its pages are."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from server.core.identity import Role
from tests.browser.conftest import Classroom

Form = dict[str, Any]

_WINDOW = {"from": "2020-01-01", "until": "2099-01-01"}
_LINES = [
    {"id": "1", "course": "algebra-1", "unit_price": 15_000, "list_price": 19_900, "quantity": 2},
    {"id": "2", "course": "writing-1", "unit_price": 9_000, "quantity": 1},
]
# A send to more students than this waits for a second operator.
APPROVAL_STUDENTS = 30


def damage(data_dir: Path, batch: str) -> None:
    """Let the ledger say that one more unit of the batch went out than did: a fault that can be repaired."""
    file = data_dir / "ledger.sqlite3"
    with closing(sqlite3.connect(file, timeout=20)) as ledger, ledger:
        ledger.execute("UPDATE batches SET allotted = allotted + 1 WHERE id = ?", (batch,))


@dataclass(slots=True)
class FullSchool:
    """`views`: the addresses in the office, without `#/`, of one page of each kind."""

    classroom: Classroom
    data_dir: Path
    receiver: str
    views: list[str] = field(default_factory=list)

    def fill(self) -> None:
        """Make everything once."""
        batch = self._promotions()
        self._class(batch)
        self._people(batch)
        self._orders()
        self._automatic(batch)
        self._sends(batch)
        self._access()
        self._webhooks()
        self._find_a_fault()

    def get(self, path: str, **query: str | int) -> Any:
        answer = self.classroom.operator.get(path, params=query)
        assert answer.is_success, (path, answer.text)
        return answer.json()

    def post(self, path: str, body: Form | None = None, who: tuple[Role, str] | None = None) -> Any:
        """Call as an operator, or as `who`; return what is answered."""
        headers = {}
        if who is not None:
            token = self.classroom.token(*who, may=("approve",) if who[0] is Role.OPERATOR else ())
            headers = {"Authorization": f"Bearer {token}"}
        answer = self.classroom.operator.post(path, json=body or {}, headers=headers)
        assert answer.is_success, (path, answer.text)
        return answer.json()

    def _promotions(self) -> str:
        campaign = self._campaign()
        batch = self.classroom.batch(200)
        template = self.get(f"/v1/batches/{batch}")["template_id"]
        form = {
            "name": "校门口海报",
            "template_id": template,
            "quantity": 90,
            "channel": "poster",
            "per_student": 1,
            "campaign_id": campaign,
            "code_prefix": "GATE",
        }
        low = self.post("/v1/batches", form)["id"]
        self.post(f"/v1/batches/{low}/codes", {"quantity": 82})
        form = {"channel": "wechat", "quantity": 4, "per_student": 1, "note": "公众号文章"}
        self.post(f"/v1/batches/{low}/links", form)
        rule = self.post("/v1/price-rules", {"courses": ["chess-1"], "max_depth_percent": 90})
        shares = [{"batch_id": self.classroom.batch(), "share": 50} for _ in range(2)]
        form = {"name": "减 10 还是减 12", "variants": shares}
        experiment = self.post("/v1/experiments", form)
        self.views += [f"campaigns/{campaign}", f"coupons/{batch}", f"coupons/{low}"]
        self.views += [f"coupons/{template}", f"coupons/new?template={template}"]
        self.views += [f"price-rules/{rule['id']}", f"experiments/{experiment['id']}"]
        return batch

    def _campaign(self) -> str:
        """Return a campaign of which four fifths are used by the codes of one batch."""
        now = datetime.now(UTC).replace(microsecond=0)
        first = (now - timedelta(days=1)).isoformat()
        form = {
            "name": "开学季：新生与老生的第一个月",
            "purpose": "让停课的学生回来",
            "starts_at": first,
            "ends_at": (now + timedelta(days=9)).isoformat(),
            "budget": {"money": {"amount": 100_000, "currency": "CNY"}, "pieces": 1_000},
            "phases": [
                {"name": "预热", "from": first, "until": (now + timedelta(days=2)).isoformat()}
            ],
        }
        return str(self.post("/v1/campaigns", form)["id"])

    def _class(self, batch: str) -> None:
        """Open a drop that two students claim; it stays open."""
        drop = self.classroom.drop(batch, 20, duration_seconds=600, message="这一题讲完，券也来了")
        for name in ("amy", "bob"):
            path = f"/v1/drops/{drop['id']}/claims"
            self.post(path, {"request_id": "1"}, (Role.STUDENT, name))

    def _people(self, batch: str) -> None:
        amy = self.classroom.name("amy")
        people: list[Form] = [
            {"id": amy, "name": "王小美", "tags": ["grade-3", "vip"], "facts": {"level": 3}},
            {"id": self.classroom.name("bob"), "name": "Bob Li"},
        ]
        self.post("/v1/students", {"students": people})
        ids = [each["id"] for each in people]
        form: Form = {"name": "停课三十天", "kind": "list", "students": ids}
        named = self.post("/v1/audiences", form)
        vip = [{"fact": "tag", "op": "=", "value": "vip"}]
        form = {"name": "老生", "kind": "rule", "rule": {"all": vip}}
        rule = self.post("/v1/audiences", form)
        self.post("/v1/issuances", {"batch_id": batch, "students": [amy], "reason": "欢迎回来"})
        self.views += [f"audiences/{named['id']}", f"audiences/{rule['id']}", f"students/{amy}"]
        self.views += [f"find?q={amy}"]

    def _orders(self) -> None:
        """One order paid and partly paid back, one that waits for its payment."""
        amy = self.classroom.name("amy")
        shop = (Role.SERVICE, "shop")
        for number, is_paid in ((1, True), (2, False)):
            code = self._usable(amy)
            name = self.classroom.name(f"o{number}")
            order = {"currency": "CNY", "lines": _LINES}
            form = {"order_id": name, "student": amy, "order": order, "coupons": [code]}
            locked = self.post("/v1/redemptions", form, shop)
            if is_paid:
                paid = {"payment_ref": "wx-2026-1"}
                self.post(f"/v1/redemptions/{locked['id']}/confirm", paid, shop)
                back = {"refund_id": "r-1", "lines": [{"id": "2", "quantity": 1}]}
                self.post(f"/v1/orders/{name}/refunds", back, shop)
            self.views += [f"orders/{name}", f"find/{code}"]

    def _usable(self, student: str) -> str:
        batch = self.classroom.batch()
        form = {"batch_id": batch, "students": [student], "reason": "订单要用"}
        self.post("/v1/issuances", form)
        return str(self.get("/v1/coupons", batch_id=batch)["coupons"][0]["code"])

    def _automatic(self, batch: str) -> None:
        form: Form = {
            "name": "第一节课讲完",
            "when": {"event": "lesson_finished"},
            "then": {"batch_id": batch},
            "limits": {"per_student": 1},
        }
        trigger = self.post("/v1/triggers", form)["id"]
        self.post(f"/v1/triggers/{trigger}/activate")
        form = {"name": "新生包", "items": [{"batch_id": batch, "count": 2}]}
        pack = self.post("/v1/packs", form)["id"]
        prizes = [{"batch_id": batch, "ppm": 25_000}, {"batch_id": None, "ppm": 975_000}]
        chances = {"per_student": 3, "per_day": 1}
        form = {"name": "周末转盘", "prizes": prizes, "chances": chances, "window": _WINDOW}
        lottery = self.post("/v1/lotteries", form)["id"]
        self.post(f"/v1/lotteries/{lottery}/spins", {"request_id": "1"}, (Role.STUDENT, "amy"))
        self.views += [f"triggers/{trigger}", f"packs/{pack}", f"lotteries/{lottery}"]

    def _sends(self, batch: str) -> None:
        """One that counts down, one for later, and three over the limit: waiting, approved and refused."""
        form = {"batch_id": batch, "reason": "期末复习周的一点心意"}
        many = [f"s{number}" for number in range(APPROVAL_STUDENTS + 1)]
        counting = self.post("/v1/issuances", {**form, "students": many[:25]})
        weekly = {"send_at": "2099-01-01T09:00", "repeat": "FREQ=WEEKLY;BYDAY=MO"}
        planned = self.post("/v1/issuances", {**form, **weekly, "students": many[:2]})
        over = [self.post("/v1/issuances", {**form, "students": many}) for _ in range(3)]
        for asked, word in zip(over, ("approve", "reject"), strict=False):
            path = f"/v1/approvals/{asked['approval_id']}/{word}"
            self.post(path, {"note": "按预算来"}, (Role.OPERATOR, "boss"))
        self.views += [f"sends/{each['id']}" for each in (counting, planned, over[2])]
        self.views += [f"approvals/{each['approval_id']}" for each in over]

    def _access(self) -> None:
        self.post("/v1/blocks", {"kind": "student", "value": "zed", "reason": "倒卖优惠券"})
        self.post("/v1/revocations", {"jti": "token-1", "reason": "手机丢了"})
        self.post("/v1/instructors/tom/stop", {"reason": "发错了教室"})

    def _webhooks(self) -> None:
        for url in (self.receiver, "http://127.0.0.1:9/nobody"):
            made = self.post("/v1/webhooks", {"url": url, "types": ["coupon.confirmed"]})
            self.post(f"/v1/webhooks/{made['id']}/test")
            self.views.append(f"webhooks/{made['id']}")

    def _find_a_fault(self) -> None:
        damage(self.data_dir, self.classroom.batch())
        self.post("/v1/consistency")
