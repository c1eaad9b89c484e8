"""A wrong or missing setting stops the start with one line that names it."""

from pathlib import Path

import pytest

from services.notify.app import providers, say_whether_staff_are_told
from services.notify.domain.rules import Rules
from services.notify.settings import Settings
from shared.rules import Rules as Live
from shared.settings import SettingsError, load

NEEDED = {"SWITCHBOARD_KAFKA": "k:1", "SWITCHBOARD_MONGO": "mongodb://m", "SWITCHBOARD_KEYS": "/keys"}
MAIL = {"SWITCHBOARD_SMTP_HOST": "mail.example", "SWITCHBOARD_SMTP_FROM": "care@example.com"}
NAMES = (
    "OUTBOX",
    "SMTP_HOST",
    "SMTP_FROM",
    "SMTP_USER",
    "SMTP_PASSWORD",
    "SMTP_PORT",
    "SMTP_STARTTLS",
    "SMTP_STAFF_DOMAIN",
    "RULES",
)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch):
    for name in NAMES:
        monkeypatch.delenv(f"SWITCHBOARD_{name}", raising=False)

    def given(**more: str) -> Settings:
        for name, value in {**NEEDED, **more}.items():
            monkeypatch.setenv(name, value)
        return load(Settings)

    return given


def test_the_outbox_sets_up_the_local_provider(environment, tmp_path: Path):
    settings = environment(SWITCHBOARD_OUTBOX=str(tmp_path / "out.jsonl"))
    assert [p.name for p in providers(settings)] == ["local"]
    assert settings.http_port == 8105


def test_a_mail_server_sets_up_smtp(environment):
    assert [p.name for p in providers(environment(**MAIL))] == ["smtp"]


def test_NT_4_a_domain_of_staff_lets_mail_reach_their_desks(environment):
    (without,) = providers(environment(**MAIL))
    (mail,) = providers(environment(**MAIL, SWITCHBOARD_SMTP_STAFF_DOMAIN="staff.example.com"))
    assert (without.reaches_staff, mail.reaches_staff) == (False, True)


@pytest.mark.parametrize(("for_staff", "lines"), [((), 1), (("smtp",), 0)])
async def test_NT_4_a_service_that_cannot_tell_staff_says_so_in_one_line(
    for_staff: tuple[str, ...], lines: int, caplog: pytest.LogCaptureFixture
):
    rules = Live("notify", lambda read: Rules.parse(read).limited_to(["smtp"], for_staff=for_staff), None)
    await say_whether_staff_are_told(rules)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == lines
    assert all("SWITCHBOARD_SMTP_STAFF_DOMAIN" in line for line in said)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "SWITCHBOARD_OUTBOX"),
        ({"SWITCHBOARD_SMTP_HOST": "mail.example"}, "SWITCHBOARD_SMTP_FROM"),
        (MAIL | {"SWITCHBOARD_SMTP_FROM": "Care <care@example.com>"}, "SWITCHBOARD_SMTP_FROM"),
        (MAIL | {"SWITCHBOARD_SMTP_USER": "u"}, "SWITCHBOARD_SMTP_PASSWORD"),
        (MAIL | {"SWITCHBOARD_SMTP_PORT": "0"}, "SWITCHBOARD_SMTP_PORT"),
        (MAIL | {"SWITCHBOARD_SMTP_STAFF_DOMAIN": "@staff.example"}, "SWITCHBOARD_SMTP_STAFF_DOMAIN"),
        ({"SWITCHBOARD_OUTBOX": "o", "SWITCHBOARD_SMTP_STAFF_DOMAIN": "staff.example"}, "SWITCHBOARD_SMTP_HOST"),
    ],
)
def test_what_is_missing_is_named(environment, given: dict[str, str], named: str):
    with pytest.raises(SettingsError, match=named):
        environment(**given)
