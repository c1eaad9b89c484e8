"""CONTRACTS section 2: a wrong or missing setting stops the start with one clear line that names it."""

from pathlib import Path

import pytest

from shared.settings import PREFIX, Settings, SettingsError, load

GOOD = {"KAFKA": "localhost:9092", "MONGO": "mongodb://localhost", "HTTP_PORT": "8102", "KEYS": "/etc/keys.yaml"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    import os

    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(PREFIX + name, value)
    return monkeypatch


def complaint() -> str:
    with pytest.raises(SettingsError) as told:
        load(Settings)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_addresses_are_enough() -> None:
    settings = load(Settings)
    assert (settings.kafka, settings.mongo_driver, settings.kafka_security, settings.partitions) == (
        "localhost:9092",
        "pymongo",
        "PLAINTEXT",
        12,
    )


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(PREFIX + name)
    assert complaint() == f"{PREFIX}{name}: Field required"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "many"),
        ("HTTP_PORT", "70000"),
        ("MONGO_DRIVER", "mongoose"),
        ("LOG_LEVEL", "LOUD"),
        ("KAFKA_SECURITY", "TLS"),
        ("KAFKA", ""),
        ("PARTITIONS", "0"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_is(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(PREFIX + name, value)
    assert complaint().startswith(f"{PREFIX}{name}: ")
    assert f"(it is '{value}')" in complaint()


def test_an_address_that_holds_a_password_is_never_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SWITCHBOARD_MONGO", "mysql://root:secret@db")
    assert "SWITCHBOARD_MONGO must begin with mongodb://" in complaint()
    assert "secret" not in complaint()


def test_not_even_an_empty_address_is_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SWITCHBOARD_MONGO", "")
    assert complaint().startswith("SWITCHBOARD_MONGO: ")
    assert "(it is" not in complaint()


def test_a_password_is_never_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SWITCHBOARD_KAFKA_SECURITY", "SASL_SSL")
    environment.setenv("SWITCHBOARD_KAFKA_PASSWORD", "secret")
    assert "needs SWITCHBOARD_KAFKA_USER and SWITCHBOARD_KAFKA_PASSWORD" in complaint()
    assert "secret" not in complaint()
    environment.setenv("SWITCHBOARD_KAFKA_USER", "me")
    assert "secret" not in repr(load(Settings))


def test_a_rules_directory_has_to_be_there(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("SWITCHBOARD_RULES", str(tmp_path / "none"))
    assert "SWITCHBOARD_RULES" in complaint()
    assert "is not a directory" in complaint()
