"""An agent corrects the summary (IN-16) or the core demand (IN-17); his words stand first from then on."""

from datetime import datetime

from services.intake.domain.case import Case
from services.intake.domain.rules import Rules
from services.intake.domain.summary import fingerprint, points_of, summarise
from shared.decisions import Refused
from shared.events.base import EventData
from shared.events.cases import CaseSummarised
from shared.events.work import Work

MAX_SUMMARY = 500


def correct_summary(case: Case, now: datetime, work: Work, rules: Rules) -> tuple[Case, tuple[EventData, ...]]:
    """`text`: the summary in his words; `demand`: what the customer wants; one of them at least.

    Raises Refused `missing_field`, `unknown_demand` (422).
    """
    words = (work.text or "").strip()[:MAX_SUMMARY]
    if not words and work.demand is None:
        raise Refused(
            "missing_field", "the words of the summary (text) or a demand are wanted", field="text", status=422
        )
    after = case.changed(demand=_demand(work.demand, rules) if work.demand is not None else case.demand)
    if words:
        known = tuple(map(fingerprint, points_of(after, rules)))
        after = after.changed(summary_said=words, summary_by=work.agent_id, summary_known=known)
    event = CaseSummarised(
        **case.ids, by=work.agent_id, why=work.reason or "", was=case.summary, to=summarise(after, rules),
        demand=after.demand,
    )  # fmt: skip
    return after, (event,)


def _demand(said: str, rules: Rules) -> str:
    """The code of a demand, by its code or its name in either language."""
    for code, demand in rules.words.demands.items():
        if said.strip().casefold() in (code.casefold(), demand.zh.casefold(), demand.en.casefold()):
            return code
    choices = ", ".join(rules.words.demands)
    raise Refused("unknown_demand", f"{said[:40]!r} is no demand; these are: {choices}", field="demand", status=422)
