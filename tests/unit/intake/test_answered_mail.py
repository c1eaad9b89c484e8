"""How urgent a mail is, is read from what its sender wrote, not from the subject of the mail that he answers (IN-7)."""

import pytest

from tests.unit.intake.given import opened

OUTAGE = "系统崩溃，上海所有门店无法使用"


@pytest.mark.parametrize("mark", ["Re: ", "RE：", "回复：", "答复: "])
def test_IN_7_the_subject_of_an_answer_makes_no_emergency(mark: str) -> None:
    mail = opened("好的，谢谢，请把发票寄给我", channel="email", subject=f"{mark}{OUTAGE}")
    assert (mail.priority, mail.priority_reason.urgency) == ("P2", "normal")


@pytest.mark.parametrize(
    ("text", "subject", "channel"),
    [
        ("请尽快", OUTAGE, "email"),
        (OUTAGE, "Re: 发票", "email"),
        (None, f"Re: {OUTAGE}", "email"),
        ("请尽快", f"转发：{OUTAGE}", "email"),
        ("请尽快", f"Re: {OUTAGE}", "web"),
    ],
    ids=["his own subject", "his own text", "nothing but a subject", "passed on", "no mail"],
)
def test_IN_7_what_he_wrote_himself_still_does(text: str | None, subject: str, channel: str) -> None:
    assert opened(text, channel=channel, subject=subject).priority == "P0"
