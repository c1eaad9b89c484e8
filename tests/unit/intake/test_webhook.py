"""IN-1: a webhook is let in by its signature alone; a forged or stale one is told what is wrong."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.webhook import Secrets, Senders, check_signed, contact_value, secrets_of, signature_of
from shared.http import Problem
from shared.watched import Watched

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BODY = '{"channel": "app", "text": "退款"}'.encode()
OLD, NEW = b"o" * 24, b"n" * 32
SECRET = f"whsec_{b64encode(NEW).decode()}"


def signed(secret: bytes = NEW, at: datetime = NOW, body: bytes = BODY, id_: str = "msg_1") -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    return {
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature_of(secret, id_, timestamp, body),
    }


def let_in(headers: dict[str, str], body: bytes = BODY, secrets: tuple[bytes, ...] = (NEW,)) -> str:
    return check_signed(headers, body, "crm", Senders({"crm": secrets}), NOW, 300)


def refusal(call: Any) -> Problem:
    with pytest.raises(Problem) as told:
        call()
    return told.value


def test_a_signature_is_made_as_the_standard_says() -> None:
    """The example in the documentation of Standard Webhooks' authors."""
    secret = b64decode("plJ3nmyCDGBKInavdOK15jsl")
    body = b'{"event_type":"ping","data":{"success":true}}'
    made = signature_of(secret, "msg_loFOjxBNrRLzqYUf", "1731705121", body)
    assert made == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


@pytest.mark.parametrize("late", [0, 299, -299])
def test_what_a_holder_of_the_secret_signed_just_now_is_let_in(late: int) -> None:
    assert let_in(signed(at=NOW + timedelta(seconds=late))) == "msg_1"


def test_while_a_secret_changes_both_are_good_and_one_good_signature_of_several_is_enough() -> None:
    for secret in (OLD, NEW):
        assert let_in(signed(secret), secrets=(OLD, NEW)) == "msg_1"
    several = signed(OLD)
    several["webhook-signature"] += f" v1a,xyz {signed(NEW)['webhook-signature']}"
    assert let_in(several) == "msg_1"


@pytest.mark.parametrize(
    ("change", "type_", "field"),
    [
        ({"webhook-id": ""}, "webhook_unsigned", "webhook-id"),
        ({"webhook-id": "x" * 201}, "webhook_unsigned", "webhook-id"),
        ({"webhook-id": "a\nb"}, "webhook_unsigned", "webhook-id"),
        ({"webhook-id": "msg_2"}, "webhook_forged", "webhook-signature"),
        ({"webhook-timestamp": ""}, "webhook_unsigned", "webhook-timestamp"),
        ({"webhook-timestamp": "now"}, "webhook_unsigned", "webhook-timestamp"),
        ({"webhook-timestamp": "-1"}, "webhook_unsigned", "webhook-timestamp"),
        ({"webhook-timestamp": "9" * 5000}, "webhook_unsigned", "webhook-timestamp"),
        ({"webhook-timestamp": "１７"}, "webhook_unsigned", "webhook-timestamp"),
        ({"webhook-timestamp": str(int(NOW.timestamp()) + 1)}, "webhook_forged", "webhook-signature"),
        ({"webhook-signature": ""}, "webhook_forged", "webhook-signature"),
        ({"webhook-signature": "v1,"}, "webhook_forged", "webhook-signature"),
        ({"webhook-signature": "v1,é"}, "webhook_forged", "webhook-signature"),
        ({"webhook-signature": "v2," + signed()["webhook-signature"][3:]}, "webhook_forged", "webhook-signature"),
        ({"webhook-signature": "x " * 10_000 + signed()["webhook-signature"]}, "webhook_forged", "webhook-signature"),
    ],
)
def test_what_is_not_signed_as_it_should_be_is_told_which_header_is_wrong(
    change: dict[str, str], type_: str, field: str
) -> None:
    told = refusal(lambda: let_in(signed() | change))
    assert (told.status, told.type, told.field) == (401, type_, field)


@pytest.mark.parametrize("late", [-301, 301, -86_400])
def test_a_signature_of_another_time_is_stale(late: int) -> None:
    assert refusal(lambda: let_in(signed(at=NOW + timedelta(seconds=late)))).type == "webhook_stale"


def test_another_body_another_secret_or_no_secret_at_all_is_a_forgery() -> None:
    assert refusal(lambda: let_in(signed(), BODY + b" ")).type == "webhook_forged"
    assert refusal(lambda: let_in(signed(OLD))).type == "webhook_forged"
    assert refusal(lambda: let_in(signed(b""), secrets=())).type == "webhook_forged"


@given(st.text(max_size=20), st.text(max_size=12), st.text(max_size=50), st.binary(max_size=50))
def test_nobody_guesses_his_way_in(id_: str, timestamp: str, signature: str, body: bytes) -> None:
    headers = {"webhook-id": id_, "webhook-timestamp": timestamp, "webhook-signature": signature}
    assert refusal(lambda: let_in(headers, body)).status == 401


def test_a_webhook_speaks_for_its_own_source_and_its_id_is_the_messages_where_it_has_none() -> None:
    assert contact_value({"text": "hi"}, "crm", "msg_1") == {"text": "hi", "source": "crm", "id": "msg_1"}
    assert contact_value({"id": "7", "source": "crm"}, "crm", "msg_1") == {"id": "7", "source": "crm"}
    assert refusal(lambda: contact_value({"source": "bank"}, "crm", "msg_1")).field == "source"
    assert refusal(lambda: contact_value(["hi"], "crm", "msg_1")).field == "body"


@pytest.mark.parametrize(
    "text",
    ["crm: whsec_", "crm: [whsec_!!!!]", f"crm: {SECRET[6:]}", f"crm: [{SECRET}, {SECRET}, {SECRET}]", "crm: []",
     "crm: 7", "- a", f"'shop:eu': {SECRET}", "crm: whsec_" + b64encode(b"x" * 23).decode()],
)  # fmt: skip
def test_a_secrets_file_that_is_wrong_is_refused_without_telling_a_secret(text: str) -> None:
    with pytest.raises(ValueError, match=r"secret|wanted") as told:
        secrets_of(text)
    assert SECRET[6:20] not in str(told.value)


def test_secrets_are_read_again_when_they_change_and_a_broken_file_leaves_the_last_good_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "webhooks.yaml"
    secrets: Watched[Secrets] = Watched(file, secrets_of, {})
    assert secrets() == {}
    file.write_text(f"crm: {SECRET}\n")
    assert secrets() == {"crm": (NEW,)}
    file.write_text(f"crm: [{SECRET}, whsec_{b64encode(OLD).decode()}]\n")
    assert secrets() == {"crm": (NEW, OLD)}
    file.write_text(f"crm: [{SECRET}\nbank: : {SECRET}")
    assert secrets() == {"crm": (NEW, OLD)}
    assert "webhooks.yaml" in caplog.text
    assert SECRET[6:20] not in caplog.text
