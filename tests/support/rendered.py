"""The tables of the documents, rendered from the code. Tests compare README.md and REFERENCE.md with them.

Print one with `python -c "from tests.support import rendered; print(rendered.application_order_table())"`
and paste it into the document.
"""

from server.configuration.setting_variables import VARIABLES
from server.core.checkout.quoting.stacking import APPLICATION_ORDER
from server.core.coupons.coupon_states import TRANSITIONS, UNIT_USES
from server.core.coupons.coupons import CouponState
from server.core.event_types import KINDS
from server.observability.metrics import Metrics


def application_order_table() -> str:
    """Render the order in which coupons are applied to an order."""
    rows = ["| | kind | class | computed on |", "| --- | --- | --- | --- |"]
    for number, step in enumerate(APPLICATION_ORDER, 1):
        in_class = step.in_class.value if step.in_class else "any"
        rows.append(f"| {number} | `{step.kind.word}` | {in_class} | {step.kind.computed_on} |")
    return "\n".join(rows) + "\n"


def coupon_states_section() -> str:
    """Render the states of a coupon: diagram, transitions and units."""
    return "\n".join([_diagram(), _transitions_table(), _unit_uses_table()])


def _unit_uses_table() -> str:
    """Render where the unit of a coupon in each state is counted."""
    rows = [f"| {state} | {use} |" for state, use in UNIT_USES.items()]
    return "\n".join(["| state | its unit is |", "| --- | --- |", *rows, ""])


def settings_table() -> str:
    """Render the settings table of the README."""
    rows = ["| variable | default | what it decides |", "| --- | --- | --- |"]
    for variable in VARIABLES:
        default = variable.default if variable.shown_default is None else variable.shown_default
        cell = f"`{default}`" if variable.default == default and default else default
        rows.append(f"| `{variable.name}` | {cell} | {variable.meaning} |")
    return "\n".join(rows) + "\n"


def metrics_table() -> str:
    """Render the metrics table of the README."""
    metrics = Metrics()
    rows = ["| metric | kind | labels | what it says |", "| --- | --- | --- | --- |"]
    for family in metrics.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(f"`{label}`" for label in metrics.labels[family.name])
        rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join(rows) + "\n"


def events_table() -> str:
    """Render the table of events of PROTOCOL.md."""
    rows = ["| type | subject | when | data |", "| --- | --- | --- | --- |"]
    for type_, kind in KINDS.items():
        rows.append(f"| `{type_}` | {kind.subject} | {kind.when} | {kind.data} |")
    return "\n".join(rows) + "\n"


def _diagram() -> str:
    """Render the transitions as a Mermaid diagram."""
    ends = (CouponState.RELEASED, CouponState.REVOKED, CouponState.VOIDED)
    arrows = [(each.source, each.target, each.event) for each in TRANSITIONS]
    lines = [f"    {source} --> {target}: {event}" for source, target, event in arrows]
    lines += [f"    {end} --> [*]" for end in ends]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> usable", *lines, "```\n"])


def _transitions_table() -> str:
    rows = [f"| {each.source} | {each.event} | {each.target} | {each.by} |" for each in TRANSITIONS]
    return "\n".join(["| from | event | to | by |", "| --- | --- | --- | --- |", *rows, ""])
