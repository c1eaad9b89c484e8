"""The search index over restarts of intake: nothing that was written is missed, and a lost index is made anew."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo import AsyncMongoClient

from deploy.local.stack import running_stack
from tests.component.test_intake_search import found, posted
from tests.e2e.conftest import given
from tests.e2e.fresh import emptied
from tests.e2e.house import at_home

pytestmark = pytest.mark.stack


async def test_what_was_written_while_nobody_indexed_is_found_and_a_lost_index_is_made_anew(
    kafka: str, mongo: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await emptied(kafka, mongo)
    directory, environ = tmp_path_factory.mktemp("again"), given(kafka, mongo)
    with running_stack(directory=directory, environ=environ, names=("intake",)) as stack:
        async with at_home(stack, ("intake",)) as intake:
            case = (await posted(intake, "again", "樱桃耳机只有一边有声音"))["case_id"]
            await found(intake, [case], q="樱桃耳机")
    async with AsyncMongoClient[dict[str, Any]](mongo) as client:
        database = client["switchboard_intake"]
        await database["cases"].update_one({"_id": case}, {"$set": {"state.text": "草莓耳机"}, "$inc": {"v": 1}})
        with running_stack(directory=directory, environ=environ, names=("intake",)) as stack:
            async with at_home(stack, ("intake",)) as intake:
                await found(intake, [case], q="草莓耳机")
        await database["search"].drop()
        await database["positions"].delete_many({})
        with running_stack(directory=directory, environ=environ, names=("intake",)) as stack:
            async with at_home(stack, ("intake",)) as intake:
                await found(intake, [case], q="草莓耳机")
                assert "the search index holds all 1 cases" in intake.log("intake")
