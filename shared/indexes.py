"""The indexes that every collection of documents has, and those that its shape asks for."""

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import OperationFailure

OTHER_DEFINITION = (85, 86)


def indexes_of(found_by: Iterable[tuple[str, ...]], unique: Iterable[str]) -> list[IndexModel]:
    """`found_by` and `unique` name indexed fields.

    Only documents that have the first field of an index are in it; so a query has to say what that field is, not what
    it isn't, to be answered by it.
    """
    mechanics = [
        _where_it_exists("due", "shard", "due"),
        _where_it_exists("pending", "pending"),
        _where_it_exists("parked.since", "parked.since", name="parked"),
        _where_it_exists("held.since", "held.since", name="held"),
    ]
    finders = [_where_it_exists(f"ix.{n[0]}", *(f"ix.{name}" for name in n), name="_".join(n)) for n in found_by]
    claims = [_where_it_exists(f"ix.{name}", f"ix.{name}", name=name, unique=True) for name in unique]
    return [*mechanics, *finders, *claims]


def _where_it_exists(field: str, *keys: str, name: str = "", unique: bool = False) -> IndexModel:
    only = {field: {"$exists": True}}
    return IndexModel(
        [(key, ASCENDING) for key in keys], name=name or field, unique=unique, partialFilterExpression=only
    )


async def create(documents: Any, indexes: Iterable[IndexModel]) -> None:
    """Create them; one that an older version defined otherwise under the same name is built anew."""
    wanted = list(indexes)
    if not await _created(documents, wanted):
        for index in wanted:
            if not await _created(documents, [index]):
                await documents.drop_index(index.document["name"])
                await documents.create_indexes([index])


async def _created(documents: Any, indexes: Sequence[IndexModel]) -> bool:
    """In one command. False if one of them is there with another definition; then none was created."""
    try:
        await documents.create_indexes(indexes)
    except OperationFailure as error:
        if error.code not in OTHER_DEFINITION:
            raise
        return False
    return True
