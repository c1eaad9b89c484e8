"""How long an hour of the rules lasts in a demo: a second for a minute's worth of contacts, longer for more of them.

So that reminders, missed promises and surveys come round within the demo, at a rate that one machine can tell of.
"""

import re
from pathlib import Path

FAST_RULES = Path(__file__).with_name("rules")
HOUR_S, FAST_HOUR_S = 3600.0, 1.0
CONTACTS_A_SECOND = 300
"""Of the hour: a laptop of two cores keeps up with the promises of so many."""
_SECONDS = re.compile(r"\b(\d+)s\b")
_NAME = re.compile(r"hour-(\d+)s")


def rules_for(contacts: int, into: Path) -> Path:
    """The demo's rules for so many contacts, written below `into` where the shipped ones would be too fast."""
    hour_s = -(-contacts // CONTACTS_A_SECOND)
    if hour_s <= FAST_HOUR_S:
        return FAST_RULES
    slower = into / f"hour-{hour_s}s"
    for file in FAST_RULES.rglob("*.yaml"):
        target = slower / file.relative_to(FAST_RULES)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = _SECONDS.sub(lambda found: f"{int(found[1]) * hour_s}s", file.read_text("utf-8"))
        target.write_text(text.replace('version: "demo"', f'version: "demo-{hour_s}s"'), "utf-8")
    return slower


def hour_of(rules: str | None) -> float:
    """How long an hour lasts with the rules of a stack."""
    if rules == str(FAST_RULES):
        return FAST_HOUR_S
    found = _NAME.fullmatch(Path(rules or "").name)
    return float(found[1]) if found else HOUR_S
