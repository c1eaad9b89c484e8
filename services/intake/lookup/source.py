"""Which customer system is asked: the settings say."""

from pathlib import Path

from services.intake.domain.customer import point_of
from services.intake.domain.rules import Rules
from services.intake.lookup.in_file import FileLookUp, LookUpError
from services.intake.lookup.look import LookUp, LookUps
from services.intake.lookup.over_http import HttpLookUp
from services.intake.settings import Settings
from shared.rules import Rules as Live
from shared.settings import PREFIX, SettingsError


def lookups_of(settings: Settings, rules: Live[Rules]) -> LookUps | None:
    """None where there is no customer system: then nothing is checked. Raises SettingsError."""
    if not settings.lookup:
        return None
    within_s = settings.lookup_within_ms / 1000
    return LookUps(_source(settings, rules, within_s), within_s)


def _source(settings: Settings, rules: Live[Rules], within_s: float) -> LookUp:
    if settings.lookup.startswith(("http://", "https://")):
        key = settings.lookup_key.get_secret_value() if settings.lookup_key else ""
        return HttpLookUp(settings.lookup, key, within_s)
    try:
        return FileLookUp(Path(settings.lookup), lambda kind, value: point_of(kind, value, rules()))
    except LookUpError as error:
        raise SettingsError(f"{PREFIX}LOOKUP: {error}") from None
