"""IN-20: what was like a case, and what would have helped, is there where it is reviewed."""

from services.feedback.api import _improvement
from services.feedback.domain.outcome import CaseOutcome
from shared.events.cases import SimilarCase, Suggestion
from tests.unit.feedback.build import BAD, CLOSED, NOW, REOPENED, after, answered, asked, closed

SIMILAR = SimilarCase(case_id="other", number="7KQ4-M2XD", score=0.8, resolution="升级固件", cause="software")
HELP = Suggestion(
    id="refund-when", version=2, kind="solution", language="zh", title="退款多久到账", scenario="退款已批准", score=0.9
)
ARCHIVED = CLOSED.model_copy(update={"similar": (SIMILAR,), "suggestions": (HELP,)})


def test_IN_20_similar_cases_and_solutions_of_the_archive_stand_on_the_sheet() -> None:
    case = answered(BAD, asked().changed(similar=(SIMILAR,), suggestions=(HELP,))).state
    (improvement,) = case.improvements
    sheet = _improvement(case, improvement, NOW)
    assert [(one["number"], one["resolution"]) for one in sheet["similar"]] == [("7KQ4-M2XD", "升级固件")]
    assert [(one["id"], one["version"], one["scenario"]) for one in sheet["suggestions"]] == [
        ("refund-when", 2, "退款已批准")
    ]


def test_IN_20_they_are_those_of_the_newest_closing() -> None:
    case = after(ARCHIVED, state=after(REOPENED, state=closed()))
    assert (case.similar, case.suggestions) == ((SIMILAR,), (HELP,))
    assert after(REOPENED, CLOSED, state=case).similar == ()


def test_a_case_of_the_version_before_has_none() -> None:
    old = CaseOutcome.model_validate(closed().model_dump(exclude={"similar", "suggestions"}))
    assert (old.similar, old.suggestions) == ((), ())
