"""Whether a contract only grew: old readers must read what is written now, new readers what was written before.

Fields may be added. None may be removed, renamed, retyped, become required or lose its personal mark.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One place in a schema: what may stand there, whether it must, and whether it is personal.

    `coming`: those of the values that are read and not written yet. `going`: it is written and not read any more.
    """

    kind: str
    required: bool
    personal: bool
    values: tuple[str, ...] = ()
    coming: tuple[str, ...] = ()
    going: bool = False


def fields(schema: dict[str, Any]) -> dict[str, Field]:
    """By path, every field of an object schema: `a.b`, `a[]` for items, `a.*` for the values of a map."""
    return dict(_walk(schema, schema, "", frozenset()))


def _walk(node: dict[str, Any], root: dict[str, Any], path: str, above: frozenset[str]) -> Iterator[tuple[str, Field]]:
    reference = node.get("$ref", "")
    if reference in above:
        return  # a model that holds itself: its fields are known already
    node, above = _resolved(node, root), above | ({reference} if reference else set())
    for choice in node.get("anyOf", ()):
        yield from _walk(choice, root, path, above)
    for name, child in node.get("properties", {}).items():
        yield from _at(f"{path}.{name}" if path else name, child, root, name in node.get("required", ()), above)
    if isinstance(child := node.get("items"), dict):
        yield from _at(f"{path}[]", child, root, False, above)
    if isinstance(child := node.get("additionalProperties"), dict):
        yield from _at(f"{path}.*", child, root, False, above)


def _at(
    path: str, node: dict[str, Any], root: dict[str, Any], required: bool, above: frozenset[str]
) -> Iterator[tuple[str, Field]]:
    whole = _resolved(node, root)
    coming, going = tuple(whole.get("x-coming", ())), bool(whole.get("deprecated"))
    yield path, Field(_kind(node, root), required, bool(whole.get("x-personal")), _values(whole, root), coming, going)
    yield from _walk(node, root, path, above)


def _resolved(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    named = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return _resolved(named, root) | {key: value for key, value in node.items() if key != "$ref"}


def _kind(node: dict[str, Any], root: dict[str, Any]) -> str:
    node = _resolved(node, root)
    if "anyOf" in node:
        return " or ".join(sorted(_kind(choice, root) for choice in node["anyOf"]))
    kind = str(node.get("type", "anything"))
    return f"{kind} ({node['format']})" if "format" in node else kind


def _values(node: dict[str, Any], root: dict[str, Any]) -> tuple[str, ...]:
    """The values an enumeration allows; none where any may stand."""
    own = node.get("enum", [node["const"]] if "const" in node else [])
    choices = [value for choice in node.get("anyOf", ()) for value in _values(_resolved(choice, root), root)]
    return tuple(sorted(map(str, [*own, *choices])))


def breaks(published: dict[str, Any], today: dict[str, Any]) -> list[str]:
    """Why readers of one schema could not live with the other, a line each; empty if it only grew."""
    before, now = fields(published), fields(today)
    lines = []
    if published.get("x-topic") != today.get("x-topic"):
        lines.append(f"moved from topic {published.get('x-topic')} to {today.get('x-topic')}; its readers stay there")
    for path in before:
        lines += [f"{path} {line}" for line in _changed(before[path], now.get(path))]
    lines += [
        f"{path} is new and required; records from before do not have it: give it a default"
        for path in now.keys() - before.keys()
        if now[path].required and _parent(path) in {"", *before}
    ]
    return sorted(lines) or list(_limits(published, today))


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _changed(before: Field, now: Field | None) -> Iterator[str]:
    if now is None:
        yield "was removed or renamed; a published field stays"
        return
    if now.kind != before.kind:
        yield f"was {before.kind} and is now {now.kind}; add a field beside it instead"
    if now.required and not before.required:
        yield "has become required; records from before may lack it"
    if before.required and not now.required:
        yield "is no longer required; its readers count on it"
    if before.personal and not now.personal:
        yield "is no longer marked as personal"
    if gone := sorted(set(before.values) - set(now.values)):
        yield f"no longer takes {', '.join(gone)}; records from before hold it"
    if before.values and (new := sorted(set(now.values) - set(before.values))):
        yield f"now takes {', '.join(new)}, which readers of the published contract refuse"


def _limits(published: dict[str, Any], today: dict[str, Any]) -> Iterator[str]:
    """What only a comparison of everything that may stand in a record finds: lengths, ranges, numbers of items."""
    from jsoncompat import check_compat  # a tool of development, not of a running service

    old, closed, new = (_text(schema) for schema in (published, _closed(published), today))
    if not check_compat(old, new, "serializer"):
        yield "a limit is looser than published: its readers would refuse records written now"
    if not check_compat(closed, new, "deserializer"):
        yield "a limit is tighter than published: records written before would be refused now"


def _closed(node: Any) -> Any:
    """The same schema for what was really written: its objects hold no field that it does not name."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    named = closed.get("type") == "object" and "properties" in closed
    return {"additionalProperties": False, **closed} if named else closed


def _text(schema: dict[str, Any]) -> str:
    """Without its name, which the comparison would take for an address."""
    return json.dumps({key: value for key, value in schema.items() if key != "$id"})
