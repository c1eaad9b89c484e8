"""What somebody who looks for a case may have typed: a number, a contact point, or words."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.intake.domain.customer import KINDS, point_of
from services.intake.domain.rules import Rules
from services.intake.domain.tokens import asked
from shared.decisions import Refused

_NUMBER = re.compile(r"[0-9A-HJKMNP-TV-Z]{8}")
_ALIKE = str.maketrans("OIL", "011", "- ")
_PHONE = re.compile(r"\+?[\d\s().-]{7,24}")
_ONE_WORD = re.compile(r"\S*[\d@_]\S*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Query:
    """`number`: as it stands on a case, "" if it can't be one. `points`: the contact points it may mean."""

    number: str
    points: tuple[str, ...]
    words: tuple[str, ...]


def read(q: str, rules: Rules) -> Query:
    """Raises Refused `too_short` (422) if it names nothing that could be looked for."""
    q = q.strip()
    query = Query(number_in(q), _points(q, rules), asked(q))
    if not (query.number or query.points or query.words):
        raise Refused(
            "too_short", "q: say a word of two letters or signs at least that is not a filler such as `the`",
            field="q", status=422,
        )  # fmt: skip
    return query


def number_in(q: str) -> str:
    """The number of a case in any spelling: `7kq4m2xd`, `7KQ4-M2XD`, an O for a 0, an I or L for a 1 (Crockford)."""
    signs = q.upper().translate(_ALIKE)
    return f"{signs[:4]}-{signs[4:]}" if _NUMBER.fullmatch(signs) else ""


def _points(q: str, rules: Rules) -> tuple[str, ...]:
    kinds = ["phone"] if _PHONE.fullmatch(q) else []
    if _ONE_WORD.fullmatch(q):
        kinds += [kind for kind in KINDS if kind not in kinds]
    return tuple(filter(None, (point_of(kind, q, rules) for kind in kinds)))


@dataclass(frozen=True, slots=True)
class Cursor:
    """After which case a page begins: the newest come first, those of one millisecond by their number."""

    opened_at: datetime
    number: str

    def __str__(self) -> str:
        return f"{(self.opened_at - _EPOCH) // timedelta(milliseconds=1)}.{self.number}"

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Raises Refused `bad_cursor` (422)."""
        moment, _, number = text.partition(".")
        if number_in(number) != number or not number:
            raise bad_cursor()
        return cls(_moment(moment), number)


@dataclass(frozen=True, slots=True)
class Said:
    """After which line of a timeline a page begins: the newest come first, those of one millisecond by their id."""

    at: datetime
    id: str

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // timedelta(milliseconds=1)}.{self.id}"

    @classmethod
    def read(cls, text: str) -> "Said":
        """Raises Refused `bad_cursor` (422)."""
        moment, _, id_ = text.partition(".")
        return cls(_moment(moment), id_)


def _moment(text: str) -> datetime:
    if not (text.isascii() and text.isdigit() and len(text) < 15):
        raise bad_cursor()
    return _EPOCH + timedelta(milliseconds=int(text))


def bad_cursor() -> Refused:
    return Refused("bad_cursor", "after: give the `next` of the page before as it is", field="after", status=422)
