"""The knobs that only feedback has."""

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from shared.settings import Settings as Common


class Settings(Common):
    """`public_url`: where customers reach the survey page, without the `/s/...` that is put behind it."""

    http_port: int = Field(default=8104, ge=1, le=65535)
    public_url: str = Field(description="https://care.example")

    @field_validator("public_url")
    @classmethod
    def a_customer_can_open_it(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not value.isascii() or set(value) & set(" \t\r\n?#@\\"):
            raise ValueError("an address such as https://care.example is wanted, without query or sign-in")
        return value.rstrip("/")
