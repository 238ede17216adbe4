"""The readable page of a student's export: one table for each kind of record, in Chinese and English.

Used by the flow that exports. A page without scripts, styles or addresses from elsewhere, to be opened from a
disk.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

Rows = Sequence[Mapping[str, object]]

# Section by table; others are shown under their own name.
TITLES: Final = {
    "students": "学员资料 · Profile",
    "student_tags": "标签 · Tags",
    "student_facts": "学校提供的信息 · What the school told",
    "student_events": "学习记录 · Events",
    "student_days": "活跃日期 · Days",
    "student_interests": "浏览过的课程 · Courses looked at",
    "coupons": "优惠券 · Coupons",
    "claims": "领取记录 · Claims",
    "coupon_moves": "优惠券变动 · What happened to coupons",
    "redemptions": "订单 · Orders",
    "redemption_coupons": "订单所用优惠券 · Coupons on orders",
    "refunds": "退款 · Refunds",
    "refunded_lines": "退款明细 · Refunded lines",
    "cancelled_locks": "取消的订单 · Cancelled locks",
    "balances": "余额 · Balance",
    "balance_entries": "余额明细 · Balance entries",
    "rebates": "返利 · Rebates",
    "messages": "消息 · Messages",
    "issuance_items": "发放结果 · Issued to the student",
    "access_rules": "限制 · Blocks",
    "acts": "后台操作 · Acts of the school's staff",
    "events": "事件 · Event log",
    "audience_members": "人群 · Audiences",
    "jobs": "导出与删除 · Exports and erasures",
}


def page(student: str, made_at: str, tables: Mapping[str, Rows]) -> str:
    """Return the page as HTML. `made_at` is RFC 3339."""
    sections = "".join(_section(name, rows) for name, rows in tables.items() if rows)
    body = sections or "<p>没有记录 · Nothing is kept.</p>"
    return (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        f"<title>{escape(student)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>学员数据 · Data of {escape(student)}</h1><p>{escape(made_at)}</p>{body}</body></html>"
    )


def _section(name: str, rows: Rows) -> str:
    columns = list(dict.fromkeys(key for row in rows for key, value in row.items() if value != ""))
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = "".join(_line(row, columns) for row in rows)
    title = escape(TITLES.get(name, name))
    return f"<h2>{title} ({len(rows)})</h2><table><tr>{head}</tr>{lines}</table>"


def _line(row: Mapping[str, object], columns: Sequence[str]) -> str:
    cells = "".join(f"<td>{escape(_text(row.get(column)))}</td>" for column in columns)
    return f"<tr>{cells}</tr>"


def _text(value: object) -> str:
    return "" if value is None else str(value)


_STYLE: Final = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:2em}table{border-collapse:collapse}"
    "td,th{border:1px solid #ccc;padding:.2em .5em;text-align:left;vertical-align:top}"
)
