"""IN-10, IN-13: dangerous links are refused with a reason, diagnostics need consent, no contact is lost by it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake.domain.attachments import why_refused
from services.intake.domain.contact_hash import contact_hash
from services.intake.domain.diagnostics import consented
from services.intake.domain.rules_channels import AttachmentsFile, ChannelsFile
from shared.decisions import Decision
from shared.events.contacts import Attachment
from tests.unit.intake.given import arrive, contact, opened, refusal

RULE_FILES = Path(__file__).parents[3] / "services" / "intake" / "rules"
SHIPPED = AttachmentsFile.model_validate(yaml.safe_load((RULE_FILES / "attachments.yaml").read_text("utf-8")))
GOOD = {"name": "bill.png", "media_type": "image/png", "url": "https://files.example/1", "bytes": 18211}


def why(rules: AttachmentsFile = SHIPPED, **fields: Any) -> str:
    return why_refused(Attachment.model_validate({**GOOD, **fields}), rules)


def told(decision: Decision[Any]) -> dict[str, Any]:
    assert decision.note is not None
    return decision.note.data


def test_IN_10_an_attachment_is_a_link_with_its_type_and_size_in_the_timeline() -> None:
    decision = arrive(None, contact("见附件", attachments=[GOOD]))
    assert told(decision)["attachments"] == [GOOD]
    assert decision.state.flags == ()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://files.example/a/b?c=d#e", ""),
        ("https://例子.example/1", ""),
        ("https://8.8.8.8/1", ""),
        ("http://files.example/1", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("data:text/html,<script>", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("mid:a@b/1", "no_store"),
        ("//files.example/1", "malformed"),
        ("files.example/1", "malformed"),
        ("https://", "malformed"),
        ("https://bank.example@evil.example/1", "credentials"),
        ("https://localhost/1", "host"),
        ("https://LOCALHOST./1", "host"),
        ("https://db/1", "host"),
        ("https://wiki.intranet/1", "host"),
        ("https://127.0.0.1/1", "host"),
        ("https://127.1/1", "host"),
        ("https://2130706433/1", "host"),
        ("https://0x7f.1/1", "host"),
        ("https:\\\\0177.0.0.1/1", "host"),
        ("https://①②⑦.0.0.1/1", "host"),
        ("https://10.1.2.3/1", "host"),
        ("https://169.254.169.254/latest/meta-data", "host"),
        ("https://[::1]/1", "host"),
        ("https://[::ffff:10.0.0.1]/1", "host"),
        ("https://[fe80::1]/1", "host"),
        ("https://files.example/setup.exe", "ending"),
        ("https://files.example/setup%2Eexe", "ending"),
        ("https://files.example/setup.exe?as=a.png", "ending"),
        ("https://files.example/my.app/1.png", ""),
    ],
)
def test_IN_10_a_link_is_judged_as_a_browser_reads_it(url: str, reason: str) -> None:
    assert why(url=url) == reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("账单.pdf", ""),
        ("amazon.com.pdf", ""),
        ("👨‍👩‍👧.png", ""),
        ("invoice.exe", "ending"),
        ("invoice.pdf.EXE", "ending"),
        ("invoice.exe. .", "ending"),
        ("invoice.ｅｘｅ", "ending"),
        ("invoice.exe::$DATA", "ending"),
        ("a.txt:b.exe", "ending"),
        ("..\\..\\start.bat", "ending"),
        ("macro.docm", "ending"),
        ("invoice\u202egnp.exe", "name"),
        ("invoice.e\u200bxe", "name"),
        ("invoice.exe\x00.png", "name"),
    ],
)
def test_IN_10_a_name_is_judged_by_what_it_opens(name: str, reason: str) -> None:
    assert why(name=name) == reason


@pytest.mark.parametrize(
    "media_type", ["text/html", "TEXT/HTML; charset=utf-8", "application/x-msdownload", "image/svg+xml"]
)
def test_a_type_that_runs_is_refused(media_type: str) -> None:
    assert why(media_type=media_type) == "media_type"


def test_PF_4_size_hosts_and_schemes_are_the_operators() -> None:
    assert why(bytes=SHIPPED.max_bytes + 1) == "too_large"
    inside = SHIPPED.model_copy(update={"hosts_allowed": ("files.internal",), "schemes": ("http", "https")})
    assert why(inside, url="http://a.files.internal/1") == ""
    assert why(inside, url="http://files.internal.evil.internal/1") == "host"
    assert why(SHIPPED.model_copy(update={"private_addresses": True}), url="https://10.1.2.3/1") == ""


@given(st.text(max_size=60) | st.text(max_size=60).map("https://".__add__), st.text(max_size=40))
def test_every_link_and_name_is_judged(url: str, name: str) -> None:
    reasons = {"", "malformed", "scheme", "credentials", "host", "name", "ending", "media_type", "too_large"}
    assert why(url=url or "x", name=name) in reasons


def test_IN_10_what_is_refused_loses_its_link_alone_and_is_noted_with_its_reason() -> None:
    bad = {"name": "bill\u202e.exe", "media_type": "image/png", "url": "https://evil.example/bill", "bytes": 5}
    decision = arrive(None, contact("见附件", attachments=[GOOD, bad]))
    assert told(decision)["attachments"] == [GOOD]
    assert told(decision)["refused"] == [{"name": "bill.exe", "media_type": "image/png", "bytes": 5, "why": "name"}]
    assert decision.state.flags == ("attachment_refused",)
    assert decision.state.text == "见附件"
    assert "evil.example" not in str(decision)


def test_a_contact_of_refused_attachments_only_is_a_case_all_the_same() -> None:
    bad = {**GOOD, "url": "http://files.example/1"}
    assert arrive(None, contact(None, attachments=[bad])).state.flags == ("attachment_refused",)


@pytest.mark.parametrize(
    ("recording", "reason"),
    [
        ("https://rec.example/1.mp3", ""),
        ({"url": "https://rec.example/1", "media_type": "audio/mpeg", "bytes": 7}, ""),
        ("https://127.0.0.1/1.mp3", "host"),
        ({"url": "https://rec.example/1.js"}, "ending"),
        ({"uri": "https://rec.example/1"}, "malformed"),
        (["https://rec.example/1"], "malformed"),
    ],
)
def test_IN_10_a_recording_is_judged_like_an_attachment(recording: Any, reason: str) -> None:
    decision = arrive(None, contact("您好", voice={"recording": recording, "state": "ended"}))
    said = told(decision)
    assert ("recording" in said["voice"]) == (not reason)
    assert [refused["why"] for refused in said.get("refused", [])] == ([reason] if reason else [])
    assert said["voice"]["state"] == "ended"


def test_IN_13_with_consent_diagnostics_lie_in_the_timeline_and_their_names_on_the_case() -> None:
    logs = {"firmware": "2.1", "log": "E17 x 200"}
    decision = arrive(None, contact("开不了机", diagnostics=logs, diagnostics_consent=True))
    assert told(decision)["diagnostics"] == logs
    assert decision.state.diagnostics == ("firmware", "log")
    assert "E17" not in decision.state.model_dump_json()
    more = contact("还是不行", id="c2", diagnostics={"battery": 3}, diagnostics_consent=True)
    assert arrive(decision.state, more).state.diagnostics == ("firmware", "log", "battery")


def test_IN_13_without_consent_they_are_kept_nowhere_and_the_case_says_so() -> None:
    said = contact("开不了机", diagnostics={"log": "secret"})
    decision = arrive(None, said)
    assert "secret" not in str(decision)
    assert decision.state.flags == ("diagnostics_without_consent",)
    assert decision.state.diagnostics == ()
    assert "secret" not in consented(said).model_dump_json()


def test_IN_13_the_record_without_them_is_the_same_contact() -> None:
    said = contact("开不了机", diagnostics={"log": "secret"})
    case = arrive(None, said).state
    assert arrive(case, consented(said)).state == case
    assert arrive(case, said).state == case
    assert consented(consented(said)) == consented(said)


def test_a_contact_that_the_version_before_took_with_them_is_known_again() -> None:
    said = contact("开不了机", diagnostics={"log": "secret"})
    case = arrive(None, said).state
    before = case.changed(contacts=(case.contacts[0].model_copy(update={"hash": contact_hash(said)}),))
    assert arrive(before, said).state == before
    assert refusal(lambda: arrive(before, contact("别的"))).code == "identity_reused"


def test_names_of_diagnostics_have_a_bound() -> None:
    many = {f"{n}" * 200: n for n in range(500)}
    names = opened("开不了机", diagnostics=many, diagnostics_consent=True).diagnostics
    assert len(names) == 30
    assert max(map(len, names)) == 60


def test_which_mail_a_contact_answers_does_not_change_what_it_says() -> None:
    assert contact_hash(contact("hi", replies_to=["a"])) == contact_hash(contact("hi"))


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("channels", {"mail": {"attachment_link": "https://files.example/"}}, "{message_id}"),
        ("channels", {"mail": {"max_bytes": 1 << 40}}, "26214400"),
        ("channels", {"phone": {"states": {}}}, "ringing"),
        ("channels", {"webhook": {"tolerance_s": 0}}, "greater than"),
        ("attachments", {"schemes": []}, "at least 1"),
        ("attachments", {"endings_refused": ["exe"]}, "pattern"),
    ],
)
def test_PF_4_a_rule_that_can_not_work_is_refused(file: str, change: dict[str, Any], says: str) -> None:
    document = yaml.safe_load((RULE_FILES / f"{file}.yaml").read_text("utf-8"))
    for name, value in change.items():
        document[name] = document[name] | value if isinstance(value, dict) else value
    model = ChannelsFile if file == "channels" else AttachmentsFile
    with pytest.raises(ValidationError, match=says):
        model.model_validate(document)
