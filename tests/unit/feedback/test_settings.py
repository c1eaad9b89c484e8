"""A wrong or missing setting stops the start with one line that names it."""

import pytest

from services.feedback.settings import Settings
from shared.settings import SettingsError, load


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SWITCHBOARD_PUBLIC_URL", raising=False)
    monkeypatch.delenv("SWITCHBOARD_RULES", raising=False)

    def given(**more: str) -> Settings:
        needed = {"KAFKA": "k:1", "MONGO": "mongodb://m", "KEYS": "/keys"}
        for name, value in {**needed, **more}.items():
            monkeypatch.setenv(f"SWITCHBOARD_{name}", value)
        return load(Settings)

    return given


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://care.example", "https://care.example"),
        ("https://care.example/", "https://care.example"),
        ("http://127.0.0.1:8104", "http://127.0.0.1:8104"),
        ("https://shop.example/care/", "https://shop.example/care"),
    ],
)
def test_FB_1_the_address_that_customers_open_may_end_with_a_slash(environment, given: str, used: str):
    settings = environment(PUBLIC_URL=given)
    assert (settings.public_url, settings.http_port) == (used, 8104)


@pytest.mark.parametrize(
    "given",
    ["", "care.example", "ftp://care.example", "https://", "https://a b", "https://u:p@care.example", "https://x/?a=1",
     "https://x/#a", "https://x:99999", "https://护理.example"],
)  # fmt: skip
def test_FB_1_an_address_that_no_customer_could_open_is_named(environment, given: str):
    with pytest.raises(SettingsError, match="SWITCHBOARD_PUBLIC_URL") as error:
        environment(PUBLIC_URL=given)
    assert "\n" not in str(error.value)


def test_FB_1_a_missing_address_is_named(environment):
    with pytest.raises(SettingsError, match="SWITCHBOARD_PUBLIC_URL"):
        environment()
