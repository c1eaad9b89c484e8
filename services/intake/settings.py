"""The knobs that only intake has."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.settings import Settings as Common


class Settings(Common):
    """`lookup`: the customer system (CRM) against which facts are checked; without it nothing is.

    `webhooks`: read again when it changes; without it no webhook is let in.
    """

    http_port: int = Field(default=8101, ge=1, le=65535)
    lookup: str = Field(default="", description="URL, JSON file or directory of CSV files; empty: no look-up")
    lookup_key: SecretStr | None = None
    webhooks: Path | None = Field(default=None, description="file of webhook secrets, `source: [whsec_...]`")
    lookup_within_ms: int = Field(default=300, ge=10, le=5_000, description="how long a batch waits for its answers")
