"""Whose webhooks are let in, and what is said where their secrets can't be read (IN-1, PF-1)."""

from pathlib import Path

import pytest

from services.intake.channels.webhook import Secrets, Senders, contact_value, secrets_of
from shared.watched import Watched
from tests.unit.intake.test_channel_doors import Doors, problem, signed
from tests.unit.intake.test_webhook import SECRET as TEXT

BODY = b'{"channel": "app", "text": "hi"}'


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    return Doors(tmp_path / "keys.yaml")


async def test_PF_1_nobody_learns_by_a_webhook_which_sources_there_are(doors: Doors) -> None:
    forged = await doors.post("webhook/crm", BODY + b" ", None, **signed(BODY))
    unknown = await doors.post("webhook/bank", BODY, None, **signed(BODY))
    assert problem(forged) == (401, "webhook_forged", "webhook-signature")
    assert forged.json() == unknown.json()


async def test_while_the_secrets_can_not_be_read_a_sender_is_told_to_come_again_and_not_that_he_forges(
    doors: Doors,
) -> None:
    doors.senders = Senders(doors.senders.secrets, outdated=True)
    for source in ("crm", "bank"):
        answer = await doors.post(f"webhook/{source}", BODY + b" ", None, **signed(BODY))
        assert problem(answer)[:2] == (503, "unavailable")
        assert "forged" not in answer.text
        assert answer.headers["retry-after"]
    assert (await doors.post("webhook/crm", BODY, None, **signed(BODY))).status_code == 201, "by the last good secrets"


async def test_where_no_source_has_a_secret_that_is_said(doors: Doors) -> None:
    doors.senders = Senders()
    assert problem(await doors.post("webhook/crm", BODY, None, **signed(BODY)))[:2] == (403, "webhooks_off")
    assert doors.taken == []


def test_IN_11_a_webhook_does_not_speak_for_our_self_service() -> None:
    said = {"text": "hi", "self_service": [{"by": "self_service", "text": "x", "step": "重启"}]}
    assert contact_value(said, "crm", "msg_1") == {"text": "hi", "source": "crm", "id": "msg_1"}


def test_a_file_that_is_wrong_is_logged_once_and_its_fault_is_known_until_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "webhooks.yaml"
    file.write_text("crm: whsec_short")
    read: list[str] = []

    def parse(text: str) -> Secrets:
        read.append(text)
        return secrets_of(text)

    watched: Watched[Secrets] = Watched(file, parse, {})
    for _ in range(3):
        watched()
    assert (len(read), len(caplog.records)) == (1, 1), "it is not read again for each webhook"
    assert watched.fault.startswith("crm: a secret is")
    file.write_text(f"crm: {TEXT}\n")
    assert (list(watched()), watched.fault) == (["crm"], "")


def test_a_file_that_is_gone_is_read_again_as_soon_as_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "webhooks.yaml"
    file.write_text(f"crm: {TEXT}\n")
    watched: Watched[Secrets] = Watched(file, secrets_of, {})
    watched()
    file.rename(tmp_path / "away")
    assert [list(watched()), list(watched())] == [["crm"], ["crm"]]
    assert (len(caplog.records), bool(watched.fault)) == (1, True)
    (tmp_path / "away").rename(file)
    assert (list(watched()), watched.fault) == (["crm"], "")
