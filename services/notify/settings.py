"""The knobs only notify has: through whom messages leave."""

from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from shared.settings import Settings as CommonSettings


class Settings(CommonSettings):
    """`outbox` sets up the local provider, `smtp_host` mail. At least one must be there."""

    http_port: int = Field(default=8105, ge=1, le=65535)
    outbox: Path | None = Field(default=None, description="JSONL file of the local provider")
    smtp_host: str | None = None
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_from: str | None = Field(default=None, pattern=r"^[^\s@<>]+@[^\s@<>]+$", description="address mails come from")
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_starttls: bool = False
    smtp_staff_domain: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$",
        description="staff have mail at <id>@ this domain; without it mail does not reach them",
    )

    @model_validator(mode="after")
    def something_carries_messages(self) -> "Settings":
        if self.outbox is None and self.smtp_host is None:
            raise ValueError("SWITCHBOARD_OUTBOX (a file) or SWITCHBOARD_SMTP_HOST is needed: nothing carries messages")
        if self.smtp_host is not None and not self.smtp_from:
            raise ValueError("SWITCHBOARD_SMTP_FROM is needed with SWITCHBOARD_SMTP_HOST")
        if self.smtp_staff_domain is not None and self.smtp_host is None:
            raise ValueError("SWITCHBOARD_SMTP_HOST is needed with SWITCHBOARD_SMTP_STAFF_DOMAIN")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("SWITCHBOARD_SMTP_USER and SWITCHBOARD_SMTP_PASSWORD go together")
        return self
