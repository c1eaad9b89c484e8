"""The report of a month, put together from what the store counts, and as a table."""

import asyncio
import csv
import io
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import orjson

from services.feedback.domain.figures import figures
from services.feedback.domain.findings import findings
from services.feedback.domain.period import month_before, month_of
from services.feedback.domain.report import TOP, Report, most_first, rows
from services.feedback.domain.rules import Rules
from services.feedback.store import By, Outcomes

GROUPS: tuple[By, ...] = ("category", "team", "agent")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def draw(outcomes: Outcomes, month: str, now: datetime, rules: Rules, language: str) -> Report:
    """Raises Refused for what is no month, or one to come."""
    kpis = rules.kpis
    span = month_of(month, now, kpis.zone)
    whole, before = await asyncio.gather(*(outcomes.whole(each, kpis.satisfied) for each in (span, month_before(span))))
    categories, teams, agents = await asyncio.gather(*(outcomes.groups(span, by, kpis.satisfied) for by in GROUPS))
    days, stars, improvements, answers_in = await asyncio.gather(
        outcomes.days(span), outcomes.stars(span), outcomes.improvements_of(span, now), outcomes.answers_in(span)
    )
    report = Report(
        month=month, zone=kpis.zone, whole=figures(whole), before=figures(before), days=days, stars=stars,
        categories=most_first(categories)[:TOP], teams=most_first(teams), agents=most_first(agents),
        improvements=improvements, answers_in=answers_in,
    )  # fmt: skip
    return replace(report, findings=findings(report, language, few=kpis.few))


def plain(report: Report) -> dict[str, Any]:
    """As JSON data."""
    data: dict[str, Any] = orjson.loads(orjson.dumps(asdict(report)))
    return data


def table(report: Report) -> str:
    """The same as CSV: a line per value, under the path that leads to it in the JSON."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(("field", "value"))
    writer.writerows((path, _cell(value)) for path, value in rows(plain(report)))
    return sheet.getvalue()


def _cell(value: Any) -> Any:
    """No cell that a spreadsheet would run as a formula: names come from outside."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
