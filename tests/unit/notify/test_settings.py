"""A wrong or missing setting stops the start with one line that names it."""

from pathlib import Path

import pytest

from services.notify.app import providers
from services.notify.settings import Settings
from shared.settings import SettingsError, load

NEEDED = {"SWITCHBOARD_KAFKA": "k:1", "SWITCHBOARD_MONGO": "mongodb://m", "SWITCHBOARD_KEYS": "/keys"}
MAIL = {"SWITCHBOARD_SMTP_HOST": "mail.example", "SWITCHBOARD_SMTP_FROM": "care@example.com"}
NAMES = ("OUTBOX", "SMTP_HOST", "SMTP_FROM", "SMTP_USER", "SMTP_PASSWORD", "SMTP_PORT", "SMTP_STARTTLS", "RULES")


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


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "SWITCHBOARD_OUTBOX"),
        ({"SWITCHBOARD_SMTP_HOST": "mail.example"}, "SWITCHBOARD_SMTP_FROM"),
        (MAIL | {"SWITCHBOARD_SMTP_FROM": "Care <care@example.com>"}, "SWITCHBOARD_SMTP_FROM"),
        (MAIL | {"SWITCHBOARD_SMTP_USER": "u"}, "SWITCHBOARD_SMTP_PASSWORD"),
        (MAIL | {"SWITCHBOARD_SMTP_PORT": "0"}, "SWITCHBOARD_SMTP_PORT"),
    ],
)
def test_what_is_missing_is_named(environment, given: dict[str, str], named: str):
    with pytest.raises(SettingsError, match=named):
        environment(**given)
