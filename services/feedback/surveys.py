"""The survey as a customer meets it: read the link, show the page, take the answers in as a form or as JSON."""

from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from pydantic import ValidationError

from services.feedback.domain.answer import Answers
from shared.http import Problem, parsed, read_bytes

MOST_BYTES = 64 * 1024
MOST_FIELDS = 50
NUMBERS = ("attitude", "speed", "clarity", "effort", "recommend")
FIELDS = frozenset(Answers.model_fields)
YES_NO = {"yes": True, "no": False}


def says_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def read_json(request: Request) -> Any:
    return parsed(await read_bytes(request, MOST_BYTES))


async def read_form(request: Request) -> dict[str, str]:
    """Each field as it was entered; the last one counts where a field came twice."""
    body = await read_bytes(request, MOST_BYTES)
    try:
        told = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, encoding="utf-8")
    except ValueError:
        raise Problem(422, "invalid", "the body is not a form of a few fields in UTF-8", field="body") from None
    return {name: values[-1] for name, values in told.items()}


def from_form(entered: dict[str, str]) -> dict[str, Any]:
    """What our fields mean; one left empty was not answered. What can't be read stays, for the model to refuse.

    Fields that are not ours come from links and extensions: the customer can't mend them, so they are passed over.
    """
    return {name: _meant(name, value) for name, value in entered.items() if name in FIELDS and value.strip()}


def _meant(name: str, value: str) -> Any:
    if name in NUMBERS and value.isascii() and value.isdigit() and len(value) <= 3:
        return int(value)
    return YES_NO.get(value, value) if name == "solved" else value


def faults_of(error: ValidationError) -> dict[str, str]:
    """By field at fault, what is wrong with it: missing, long, range."""
    kinds = {"missing": "missing", "string_too_long": "long"}
    return {str((fault["loc"] or ("body",))[0]): kinds.get(fault["type"], "range") for fault in error.errors()}


def answers_of(value: Any) -> Answers:
    """Raises ValidationError."""
    return Answers.model_validate(value)
