"""What MongoDB does inside one document: match a query, apply an update, show a projection, say what an index sees.

Only what the house uses; anything else raises NotImplementedError, so that no test passes on a silent difference.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from bson import ObjectId
from pymongo.errors import WriteError

Doc = dict[str, Any]
UNDEFINED = ("undefined",)
"""What an index holds for an empty array."""


def matches(doc: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    return predicate(query)(doc)


Test = Callable[[Any], bool]


def predicate(query: Mapping[str, Any]) -> Test:
    """The query made ready to be asked of many documents."""
    tests = [_clause(name, wanted) for name, wanted in query.items()]
    return lambda doc: all(test(doc) for test in tests)


def _clause(name: str, wanted: Any) -> Test:
    if name in ("$and", "$or"):
        parts, join = [predicate(part) for part in wanted], all if name == "$and" else any
        return lambda doc: join(part(doc) for part in parts)
    if name.startswith("$"):
        raise NotImplementedError(name)
    find, test = _finder(name), _value_test(wanted)
    return lambda doc: test(find(doc))


def _value_test(wanted: Any) -> Test:
    """A test of what a path has found: the leaves."""
    if not _is_operators(wanted):
        return _in([wanted])
    tests = [_operator(name)(value) for name, value in wanted.items()]
    return tests[0] if len(tests) == 1 else lambda leaves: all(test(leaves) for test in tests)


def _is_operators(wanted: Any) -> bool:
    return isinstance(wanted, Mapping) and bool(wanted) and all(name.startswith("$") for name in wanted)


def _operator(name: str) -> Callable[[Any], Test]:
    if name not in _OPERATORS:
        raise NotImplementedError(name)
    return _OPERATORS[name]


def _in(values: Sequence[Any]) -> Test:
    """Any of these is a leaf, or an element of one; null is what is missing, too."""
    plain = {(rank(value), value) for value in values if not isinstance(value, (Mapping, list, tuple))}
    others = [value for value in values if isinstance(value, (Mapping, list, tuple))]
    or_missing = (0, None) in plain

    def test(leaves: Sequence[Any]) -> bool:
        for leaf in _candidates(leaves):
            if isinstance(leaf, (dict, list)):
                if any(same(leaf, value) for value in others):
                    return True
            elif (rank(leaf), leaf) in plain:
                return True
        return or_missing and not leaves

    return test


def _not(test: Test) -> Test:
    return lambda leaves: not test(leaves)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    """Values of another type than the one asked for are neither less nor greater."""

    def of(value: Any) -> Test:
        kind = rank(value)
        return lambda leaves: any(rank(leaf) == kind and compare(leaf, value) for leaf in _candidates(leaves))

    return of


def _element(wanted: Mapping[str, Any]) -> Test:
    if _is_operators(wanted):
        of_value = _value_test(wanted)
        return lambda leaves: any(of_value([item]) for item in _items(leaves))
    of_document = predicate(wanted)
    return lambda leaves: any(isinstance(item, dict) and of_document(item) for item in _items(leaves))


def _items(leaves: Sequence[Any]) -> Iterator[Any]:
    return (item for leaf in leaves if isinstance(leaf, list) for item in leaf)


_OPERATORS: dict[str, Callable[[Any], Test]] = {
    "$eq": lambda value: _in([value]),
    "$ne": lambda value: _not(_in([value])),
    "$in": _in,
    "$nin": lambda values: _not(_in(values)),
    "$exists": lambda wanted: lambda leaves: bool(leaves) == bool(wanted),
    "$elemMatch": _element,
    "$size": lambda size: lambda leaves: any(isinstance(leaf, list) and len(leaf) == size for leaf in leaves),
    "$lt": _ordered(operator.lt),
    "$lte": _ordered(operator.le),
    "$gt": _ordered(operator.gt),
    "$gte": _ordered(operator.ge),
}


def _finder(path: str) -> Callable[[Any], Sequence[Any]]:
    """What a dotted path finds in a document; the straight way while no array is met."""
    parts = path.split(".")

    def find(doc: Any) -> Sequence[Any]:
        value = doc
        for depth, part in enumerate(parts):
            if type(value) is not dict:
                return list(_leaves(value, parts[depth:]))
            if part not in value:
                return ()
            value = value[part]
        return (value,)

    return find


def _leaves(value: Any, parts: Sequence[str]) -> Iterator[Any]:
    """What a dotted path finds; an array on the way is looked into."""
    if not parts:
        yield value
    elif isinstance(value, Mapping):
        if parts[0] in value:
            yield from _leaves(value[parts[0]], parts[1:])
    elif isinstance(value, list):
        if parts[0].isdigit() and int(parts[0]) < len(value):
            yield from _leaves(value[int(parts[0])], parts[1:])
        for item in value:
            if isinstance(item, dict):
                yield from _leaves(item, parts)


def _candidates(leaves: Sequence[Any]) -> Iterator[Any]:
    for leaf in leaves:
        yield leaf
        if isinstance(leaf, list):
            yield from leaf


def rank(value: Any) -> int:
    """The place of a value's type in MongoDB's order; values of two types are never equal and never compared."""
    found = _RANKS.get(type(value))
    if found is None:
        found = next((number for kind, number in _RANKS.items() if isinstance(value, kind)), None)
    if found is None:
        raise NotImplementedError(f"values of {type(value).__name__}")
    return found


_RANKS: dict[type[Any], int] = {
    type(None): 0, bool: 8, int: 1, float: 1, str: 2, dict: 3, list: 4, bytes: 5, ObjectId: 7, datetime: 9,
}  # fmt: skip


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, Mapping):
        return list(a.items()) == list(b.items())
    if isinstance(b, tuple):
        b = list(b)
    return rank(a) == rank(b) and bool(a == b)


def order_key(doc: Doc, path: str, direction: int) -> tuple[int, Any]:
    """By what a document stands in a sort: the least (or greatest) of what the path finds."""
    leaves = list(_leaves(doc, path.split(".")))
    found = [item for leaf in leaves for item in (leaf if isinstance(leaf, list) else [leaf])]
    keys = [(rank(value), 0 if value is None else value) for value in found] or [(0, 0)]
    return min(keys) if direction > 0 else max(keys)


def sort(docs: list[Any], keys: Sequence[tuple[str, int]], doc_of: Callable[[Any], Doc]) -> list[Any]:
    for path, direction in reversed(keys):
        docs = sorted(docs, key=lambda d: order_key(doc_of(d), path, direction), reverse=direction < 0)
    return docs


def project(doc: Doc, projection: Any) -> Doc:
    wanted = dict.fromkeys(projection, 1) if not isinstance(projection, Mapping) else dict(projection)
    if not wanted:
        return doc
    with_id = bool(wanted.pop("_id", 1))
    if not all(isinstance(value, (int, bool)) for value in wanted.values()):
        raise NotImplementedError(f"projection {projection}")
    if any(wanted.values()) or not wanted:
        shown = _only(doc, [path.split(".") for path in wanted]) if wanted or with_id else dict(doc)
        return ({"_id": doc["_id"]} if with_id else {}) | shown
    for path in wanted:
        _hide(doc, path)
    return doc if with_id else {name: value for name, value in doc.items() if name != "_id"}


def _only(value: Any, paths: list[list[str]]) -> Any:
    if isinstance(value, list):
        return [_only(item, paths) for item in value if isinstance(item, dict)]
    shown = {}
    for name, inner in value.items():
        rests = [path[1:] for path in paths if path[0] == name]
        if any(not rest for rest in rests):
            shown[name] = inner
        elif rests and isinstance(inner, (dict, list)):
            shown[name] = _only(inner, rests)
    return shown


def _hide(value: Any, path: str) -> None:
    """Unlike an update, a projection goes into every element of an array."""
    head, _, rest = path.partition(".")
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and not rest:
            item.pop(head, None)
        elif isinstance(item, dict):
            _hide(item.get(head), rest)


def update(doc: Doc, changes: Mapping[str, Any], inserting: bool) -> None:
    """Apply update operators in place."""
    _refuse_conflicts([path for fields in changes.values() for path in fields])
    for name, fields in changes.items():
        for path, value in fields.items():
            if name == "$unset":
                _remove(doc, path)
            elif name == "$setOnInsert":
                if inserting:
                    _change(doc, path, _CHANGES["$set"], value)
            elif name in _CHANGES:
                _change(doc, path, _CHANGES[name], value)
            else:
                raise NotImplementedError(name)


def pipeline(doc: Doc, stages: Sequence[Mapping[str, Any]]) -> Doc:
    """What an update by aggregation makes of a document."""
    for stage in stages:
        ((name, expression),) = stage.items()
        if name != "$replaceWith":
            raise NotImplementedError(name)
        doc = dict(_value(doc, expression))
    return doc


def _value(doc: Doc, expression: Any) -> Any:
    """An aggregation expression, as far as the house uses them."""
    if expression == "$$ROOT":
        return doc
    if isinstance(expression, str) and expression.startswith("$"):
        return doc.get(expression[1:])
    if not _is_operators(expression):
        return expression
    ((name, argument),) = expression.items()
    if name == "$literal":
        return argument
    if name == "$eq":
        return same(*(_value(doc, side) for side in argument))
    if name == "$cond":
        condition, then, otherwise = argument
        return _value(doc, then if _value(doc, condition) else otherwise)
    raise NotImplementedError(name)


def _refuse_conflicts(paths: list[str]) -> None:
    for path in paths:
        if "$" in path:
            raise NotImplementedError(f"positional update {path}")
        if sum(path == other or other.startswith(path + ".") for other in paths) > 1:
            raise WriteError(f"Updating the path '{path}' would create a conflict at '{path}'", 40)


def _change(doc: Doc, path: str, change: Callable[[Any, Any], Any], value: Any) -> None:
    *way, last = path.split(".")
    here: Any = doc
    for part in way:
        if isinstance(here, list):
            here = here[int(part)]
        elif isinstance(here, dict):
            here = here.setdefault(part, {})
    if isinstance(here, list):
        here[int(last)] = change(here[int(last)], value)
    elif not isinstance(here, dict):
        raise WriteError(f"Cannot create field '{last}' in element {here!r}", 28)
    elif (changed := change(here.get(last, _MISSING), value)) is not _MISSING:
        here[last] = changed


def _remove(doc: Any, path: str) -> None:
    head, _, rest = path.partition(".")
    if isinstance(doc, dict) and not rest:
        doc.pop(head, None)
    elif isinstance(doc, dict) and rest:
        _remove(doc.get(head), rest)
    elif isinstance(doc, list) and head.isdigit() and rest and int(head) < len(doc):
        _remove(doc[int(head)], rest)


_MISSING: Any = object()


def _list(old: Any) -> list[Any]:
    if old is _MISSING:
        return []
    if not isinstance(old, list):
        raise WriteError("The field must be an array", 2)
    return list(old)


def _push(old: Any, value: Any) -> list[Any]:
    if isinstance(value, dict) and "$each" in value:
        if unknown := value.keys() - {"$each", "$slice"}:
            raise NotImplementedError(f"$push {unknown}")
        items = _list(old) + list(value["$each"])
        cut = value.get("$slice")
        return items if cut is None else (items[cut:] if cut < 0 else items[:cut])
    return [*_list(old), value]


def _add_to_set(old: Any, value: Any) -> list[Any]:
    items = _list(old)
    for new in value["$each"] if isinstance(value, dict) and "$each" in value else [value]:
        if not any(same(item, new) for item in items):
            items.append(new)
    return items


def _pull(old: Any, wanted: Any) -> Any:
    if old is _MISSING:
        return _MISSING
    return [item for item in _list(old) if not _pulled(item, wanted)]


def _pulled(item: Any, wanted: Any) -> bool:
    if _is_operators(wanted):
        return _value_test(wanted)([item])
    if isinstance(wanted, Mapping):
        return isinstance(item, dict) and matches(item, wanted)
    return same(item, wanted)


def _further(better: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    return lambda old, value: value if old is _MISSING or better((rank(value), value), (rank(old), old)) else old


_CHANGES: dict[str, Callable[[Any, Any], Any]] = {
    "$set": lambda old, value: value,
    "$inc": lambda old, value: value if old is _MISSING else old + value,
    "$push": _push,
    "$addToSet": _add_to_set,
    "$pull": _pull,
    "$max": _further(lambda new, old: new > old),
    "$min": _further(lambda new, old: new < old),
}


def index_keys(
    doc: Doc, paths: Sequence[str], *, sparse: bool = False, partial: Mapping[str, Any] | None = None
) -> set[Any]:
    """The entries an index over these paths holds for a document."""
    if partial is not None and not matches(doc, partial):
        return set()
    found = [list(_leaves(doc, path.split("."))) for path in paths]
    if sparse and not any(found):
        return set()
    return set(product(*(_entries(leaves) for leaves in found)))


def _entries(leaves: list[Any]) -> list[Any]:
    entries: list[Any] = []
    for leaf in leaves:
        if isinstance(leaf, list):
            entries += [_hashable(item) for item in leaf] or [UNDEFINED]
        else:
            entries.append(_hashable(leaf))
    return entries or [_hashable(None)]


def _hashable(value: Any) -> Any:
    return (rank(value), repr(value) if isinstance(value, (dict, list)) else value)
