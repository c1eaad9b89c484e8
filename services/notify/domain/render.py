"""Words from templates: pure, strict, and safe against what customers and agents may have written into a field.

A template may use the variables of its milestone, `if`/`else`, comparisons and `and`/`or`/`not`; nothing else, so
nothing in it can loop, call or reach into an object.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, nodes
from jinja2 import Template as Compiled
from jinja2.exceptions import TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

COMMON = frozenset({"number", "customer_name", "way"})
"""number: of the case. customer_name: or empty. way: the name of the channel used, in the message's language."""

VARIABLES: Mapping[str, frozenset[str]] = {
    "received": COMMON | {"expected", "missing"},
    "assigned": COMMON | {"agent_id", "agent_name", "team"},
    "waiting": COMMON | {"party", "until"},
    "delay": COMMON | {"reason", "remedy", "until"},
    "escalated": COMMON | {"level"},
    "escalation_progress": COMMON | {"level", "answer", "until"},
    "resolved": COMMON | {"resolution"},
    "merged": COMMON | {"into"},
    "survey": COMMON | {"url", "until"},
    "reminder": COMMON | {"target", "share", "until", "party", "promise"},
    "missed": COMMON | {"target", "late", "until", "party", "promise"},
    "upset": COMMON | {"degree", "words"},
    "escalation_answered": COMMON | {"department", "answer", "by", "words", "until"},
    "improvement": COMMON | {"department", "person", "until", "criteria", "why"},
    "improvement_changed": COMMON | {"department", "person", "until", "by", "note"},
}
"""expected: 预计处理周期, such as "1 个工作日". agent_id: 工号. team: 部门. until: a local time, "11月23日 16:00".
level: who works on an escalation. answer: acknowledged, progress, resolved, refused. share: "75%". late: "2 小时".
degree: how upset, "非常不满". into: the number under which a merged case goes on.
Never empty: expected, agent_id, reason, level, answer, url, target, share, department, criteria, degree, into."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MAX_SUBJECT, MAX_TEXT, MAX_VALUE, MAX_NAME = 200, 4000, 600, 40
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.If, nodes.CondExpr, nodes.Const,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
)  # fmt: skip
_BRACKETS = str.maketrans({"<": "＜", ">": "＞"})
_MARKDOWN_LINK = re.compile(r"\](\s*)\(")


def _environment() -> SandboxedEnvironment:
    made = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    for names in (made.globals, made.filters, made.tests):
        names.clear()
    return made


_ENVIRONMENT = _environment()


@lru_cache(maxsize=1024)
def _compiled(source: str) -> Compiled:
    return _ENVIRONMENT.from_string(source)


def check(source: str, allowed: frozenset[str], where: str) -> None:
    """Raises ValueError, naming `where`, unless the template is one that can always be rendered with `allowed`."""
    try:
        tree = _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        raise ValueError(f"{where}: {error.message} (line {error.lineno})") from None
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise ValueError(f"{where}: {type(node).__name__} is not allowed in a template (line {node.lineno})")
    for unknown in sorted({name.name for name in tree.find_all(nodes.Name)} - allowed):
        raise ValueError(f"{where}: unknown variable {unknown!r}; known are {', '.join(sorted(allowed))}")


def subject(source: str, values: Mapping[str, str]) -> str:
    """One line without control characters, fit for a header."""
    return one_line(_fill(source, values))[:MAX_SUBJECT]


def text(source: str, values: Mapping[str, str]) -> str:
    """Plain text; only the template itself can begin a new line."""
    return _fill(source, values).strip()[:MAX_TEXT]


def _fill(source: str, values: Mapping[str, str]) -> str:
    return _compiled(source).render({name: plain(value) for name, value in values.items()})


def plain(value: str) -> str:
    """A value as one line in which no reader finds markup or a hidden direction."""
    return _MARKDOWN_LINK.sub("] (", shorten(one_line(value), MAX_VALUE).translate(_BRACKETS))


def one_line(value: str) -> str:
    return " ".join("".join(_visible(c) for c in value).split())


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character)[0] == "C" else character


def shorten(value: str, limit: int) -> str:
    return value if len(value) <= limit else value[: limit - 1] + "…"


def person(name: str | None) -> str:
    """A name to greet by: letters, digits, spaces, hyphens; a name must not carry a link to somebody else's phone."""
    return one_line("".join(c for c in name or "" if c.isalnum() or c in " -·'"))[:MAX_NAME].strip()


def duration(minutes: int, language: str) -> str:
    """`90` -> "90 分钟" / "90 minutes"; whole hours up to two days, then days (rounded up)."""
    if minutes % 60 or minutes < 60:
        return _counted(minutes, "分钟", "minute", language)
    if minutes <= 48 * 60:
        return hours(minutes // 60, language)
    return _counted(-(-minutes // 1440), "天", "day", language)


def working_days(number: int, language: str) -> str:
    return _counted(number, "个工作日", "working day", language)


def hours(number: int, language: str) -> str:
    return _counted(number, "小时", "hour", language)


def _counted(number: int, chinese: str, english: str, language: str) -> str:
    if language == "zh":
        return f"{number} {chinese}"
    return f"{number} {english}{'' if number == 1 else 's'}"


def moment(at: datetime, zone: str, language: str) -> str:
    """In the zone's local time: "11月23日 16:00" / "23 Nov 16:00 (GMT+8)"."""
    local = at.astimezone(ZoneInfo(zone))
    clock = f"{local:%H:%M}"
    if language == "zh":
        return f"{local.month}月{local.day}日 {clock}"
    return f"{local.day} {MONTHS[local.month - 1]} {clock} ({_offset(local)})"


def _offset(local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"GMT{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")
