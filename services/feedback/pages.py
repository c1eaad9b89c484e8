"""What a browser is shown: the survey and what becomes of it, and the report of a month.

Everything a page needs lies in it: no script, no picture, nothing from elsewhere, and the headers forbid the rest.
"""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.feedback.domain.report import Report
from services.feedback.domain.rules import Questions

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
}
Language = Literal["zh", "en"]
PAGES = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def language_of(wanted: str | None, spoken: str) -> Language:
    """What the reader chose, else the language of the case; English for whoever speaks neither."""
    return "zh" if (wanted or spoken).lower().startswith("zh") else "en"


def survey(
    language: Language,
    questions: Questions,
    number: str,
    *,
    entered: dict[str, str] | None = None,
    wrong: dict[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    """The form. `entered`: what was sent, by field; `wrong`: the fields at fault and which of FAULTS it is."""
    more = {"questions": questions, "number": number, "entered": entered or {}, "wrong": wrong or {}}
    return _page("survey.html", language, status, **more)


def notice(language: Language, what: str, status: int, number: str = "") -> HTMLResponse:
    """A page that only says something: thanks, or why there is nothing to answer."""
    return _page("notice.html", language, status, what=what, number=number)


def report(language: Language, shown: Report) -> HTMLResponse:
    return _page("report.html", language, 200, report=shown)


def _page(template: str, language: Language, status: int, **more: Any) -> HTMLResponse:
    """`t(zh, en)` in a template picks one of the two."""
    texts = {"language": language, "t": lambda zh, en: zh if language == "zh" else en, "style": STYLE}
    return HTMLResponse(PAGES.get_template(template).render(texts | more), status, HEADERS)
