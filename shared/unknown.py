"""States that hold fields of a newer version: read, changed and written back without losing what is not known here.

The unknown fields of a model, also of one deep inside, lie in its `model_extra` and follow it through `model_copy`.
A state that a decision builds anew has none of them: change the old one instead.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

M = TypeVar("M", bound=BaseModel)


def coming(*values: str) -> Any:
    """Marks values of a stored state that this version reads and does not write, so that the next one may."""
    return Field(json_schema_extra={"x-coming": list(values)})


def read(model: type[M], raw: Mapping[str, Any]) -> M:
    """Raises ValidationError if this version can't read it, however little it wants to know."""
    try:
        return model.model_validate(raw, extra="forbid")
    except ValidationError:
        return model.model_validate(raw, extra="allow")  # slower, and only while two versions run


def write(state: BaseModel) -> dict[str, Any]:
    raw = state.model_dump()
    return raw if state.model_extra is None else _with_unknown(state, raw)


def _with_unknown(value: Any, raw: Any) -> Any:
    """What was dumped, with the unknown fields of each model in it."""
    if isinstance(value, BaseModel):
        known = {name: _with_unknown(getattr(value, name), item) for name, item in raw.items()}
        return {**(value.model_extra or {}), **known}
    if isinstance(value, Mapping):
        return {name: _with_unknown(item, raw[name]) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_unknown(item, of) for item, of in zip(value, raw, strict=True)]
    return raw
