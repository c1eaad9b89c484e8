"""What the rule files of intake have in common: frozen, strict, versioned; words as YAML reads them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.intake.domain.keywords import parts_of

Mood = Literal["negative", "positive"]


class RuleFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Versioned(RuleFile):
    version: Annotated[str, Field(min_length=1)]


def readable(keyword: str) -> str:
    parts_of(keyword)
    return keyword


def _word(value: Any) -> Any:
    """YAML reads `12315` as a number and `no` as false."""
    if isinstance(value, bool):
        raise ValueError("YAML reads this word as true or false; put it in quotes")
    return str(value) if isinstance(value, int) else value


Word = Annotated[str, BeforeValidator(_word), Field(min_length=1, max_length=80)]
Words = tuple[Word, ...]
