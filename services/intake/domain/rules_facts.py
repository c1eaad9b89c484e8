"""`facts.yaml`: which facts are found in a customer's words, and by which patterns (IN-8). Compiled once.

Patterns are RE2: their time is linear in the text whatever an operator writes, and what RE2 can't do (look-around,
back-references) is refused when the file is read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import re2
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

GIVEN = ("order", "device_model", "serial", "account")
"""The facts that a channel system may state outright, and that the rules must know."""
MOST_FACTS = 20
MOST_BYTES = 8 << 20
"""Of a compiled pattern, and of what a search may remember."""
DEVICES = "devices"
_PART = re.compile(r"<(\w+)>")
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class FactRule(BaseModel):
    """`zh`, `en`: what the fact is called in a summary."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    zh: Annotated[str, Field(min_length=1, max_length=40)]
    en: Annotated[str, Field(min_length=1, max_length=40)]
    patterns: Annotated[tuple[str, ...], Field(min_length=1)]
    shortest: Annotated[int, Field(ge=1, le=100)] = 1
    never: str | None = None


class LookUpRule(BaseModel):
    """What was not answered is asked again after `again_after_s`, then after twice that and so on, `times` in all."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    again_after_s: Annotated[int, Field(ge=1)] = 30
    longest_s: Annotated[int, Field(ge=1)] = 3600
    times: Annotated[int, Field(ge=1, le=100)] = 12


class FactsFile(BaseModel):
    """`entitlements`: the name under which each counts -> what a customer system may call it.

    `nothing`: what a channel system states where it knows no fact.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Annotated[str, Field(min_length=1)]
    look_up: LookUpRule = LookUpRule()
    entitlements: dict[Name, tuple[str, ...]] = {}
    nothing: tuple[str, ...] = ()
    parts: dict[str, str] = {}
    facts: Annotated[dict[Name, FactRule], Field(max_length=MOST_FACTS)]

    @field_validator("facts")
    @classmethod
    def knows_what_channels_state(cls, facts: dict[str, FactRule]) -> dict[str, FactRule]:
        if lacking := [name for name in GIVEN if name not in facts]:
            raise ValueError(f"the facts that a channel may state are missing: {', '.join(lacking)}")
        return facts

    @model_validator(mode="after")
    def patterns_work(self) -> "FactsFile":
        self.compiled(("device",))
        return self

    @cached_property
    def entitlement_names(self) -> dict[str, str]:
        return {alias.casefold(): name for name, aliases in self.entitlements.items() for alias in (name, *aliases)}

    def compiled(self, devices: tuple[str, ...]) -> "FactPatterns":
        """Raises ValueError that names the fact whose pattern can't be used."""
        names = "|".join(sorted(map(re.escape, devices), key=len, reverse=True))
        parts = {**self.parts, DEVICES: names}
        return FactPatterns([_compiled(name, rule, parts) for name, rule in self.facts.items()])


@dataclass(frozen=True, slots=True)
class FactPattern:
    """How one fact is found in a text."""

    name: str
    pattern: Any
    never: Any
    shortest: int

    def values(self, text: bytes) -> Iterator[str]:
        """What the text names, in its order."""
        for match in self.pattern.finditer(text):
            value = next((group for group in match.groups() if group), b"").decode()
            if len(value) >= self.shortest and not (self.never and self.never.search(value)):
                yield value


class FactPatterns:
    """All facts. One pass over the text tells which of them it names at all; only those are looked for."""

    def __init__(self, patterns: Sequence[FactPattern]) -> None:
        self._patterns = patterns
        self._named = re2.Set.SearchSet(_options())
        for pattern in patterns:
            self._named.Add(pattern.pattern.pattern)
        self._named.Compile()

    def named_in(self, text: str) -> Iterator[tuple[str, Iterator[str]]]:
        """The facts that the text names, each with its values."""
        encoded = text.encode(errors="replace")
        for index in sorted(self._named.Match(encoded) or ()):
            yield self._patterns[index].name, self._patterns[index].values(encoded)


def _compiled(name: str, rule: FactRule, parts: dict[str, str]) -> FactPattern:
    try:
        patterns = [_re2(_whole(pattern, parts)) for pattern in rule.patterns]
        if any(pattern.groups == 0 for pattern in patterns):
            raise ValueError("a pattern needs a group, which is the value")
        either = _re2("|".join(pattern.pattern for pattern in patterns))
        return FactPattern(name, either, _re2(rule.never) if rule.never else None, rule.shortest)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _whole(pattern: str, parts: dict[str, str]) -> str:
    if unknown := [part for part in _PART.findall(pattern) if part not in parts]:
        raise ValueError(f"there is no part <{unknown[0]}>; there are {', '.join(sorted(parts))}")
    return _PART.sub(lambda part: parts[part.group(1)], pattern)


def _options() -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MOST_BYTES
    return options


def _re2(pattern: str) -> Any:
    try:
        return re2.compile(pattern, _options())
    except re2.error as error:
        raise ValueError(f"{pattern!r}: {_said(error)} (patterns are RE2, without look-around)") from None


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
