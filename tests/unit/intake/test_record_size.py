"""A case that has everything stays within what a document may be."""

from functools import partial

import bson

from services.intake.domain.case import MAX_TRIED
from services.intake.domain.found import MOST_ENTITLEMENTS, Found
from services.intake.domain.remote import MOST_SESSIONS
from services.intake.domain.verify import verified
from tests.unit.intake.given import NOW, RULES, arrive, contact, did, opened

FACTS = {"order": "A" * 100, "serial": "S" * 100, "device_model": "M" * 100, "account": "9" * 100}


def test_a_case_with_everything_on_its_record_stays_under_64_kib() -> None:
    case = opened("长" * 20_000, subject="题" * 1000)
    for n in range(2, RULES.lifecycle.max_contacts + 1):
        conversation = f"{'talk' * 45}-{min(n, 20)}"
        case = arrive(case, contact("长" * 20_000, id=f"c{n}", conversation=conversation, facts=FACTS)).state
    others = dict.fromkeys(FACTS, "远" * 100)
    entitlements = [{"name": "延" * 100, "until": "2027-05-01", "of": "S" * 100}] * MOST_ENTITLEMENTS
    found = Found.model_validate(
        {
            "source": "源" * 100,
            "customer": {"id": "C1", "entitlements": entitlements},
            "facts": {name: {"customer": "C1", "facts": others} for name in FACTS},
        }
    )
    better = contact("长" * 20_000, id="c1", revision=2, facts=FACTS)
    decide = partial(_arrives, said=better)
    case = verified(case, NOW, decide=decide, asked=FACTS, found=found, rules=RULES).state
    case = did(case, "summarised", text="摘" * 5000).state
    case = did(case, "noted", text="试过", tried=["试" * 1000] * MAX_TRIED).state
    for n in range(MOST_SESSIONS):
        link = f"https://files.example/{n}/{'r' * 370}"
        case = did(case, "noted", text="远程", remote={"channel": "todesk", "recording": link}).state
    ended = did(case, "resolved", result="果" * 9000, measure="施" * 9000, evidence=["证" * 900] * 50).state
    assert len(ended.remote) == MOST_SESSIONS
    assert len(ended.fact_checks) == len(FACTS)
    assert len(bson.encode(ended.model_dump(mode="python"))) < 64 * 1024


def _arrives(state, now, *, said):
    return arrive(state, said, now)
