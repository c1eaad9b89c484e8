"""A whole run is kept as it was played; what did not pass is played again and says so."""

import json
from pathlib import Path

from tests.faults.ledger import Verdict
from tests.faults.stage import Played
from tests.faults.table import AGAIN, HEAD, keep, not_passed, page, put_right

SOUND = Played("calm", accepted=4000, recover_s=9.0, seconds=90)
LOSES = Played("kills", accepted=20_000, verdict=Verdict(lost=["c1"]), seconds=400)
ENDS = Played("rolling", accepted=9_000, broken=["a service did not leave"], seconds=300)


def test_what_did_not_pass_is_shown_as_it_is_and_named(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    assert not_passed(results) == []
    keep([SOUND, LOSES, ENDS], {}, 7, results)
    assert not_passed(results) == ["kills", "rolling"]
    shown = page(json.loads(results.read_text())[-1]).splitlines()
    assert shown[0] == HEAD
    assert [("NOT PASSED" in line) for line in shown[1:]] == [False, False, True, False]
    assert shown[-1].split()[:3] == ["total", "33,000", "1"]


def test_a_row_played_again_takes_its_place_in_the_last_run_and_says_so(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    keep([SOUND], {}, 6, results)
    keep([SOUND, LOSES, ENDS], {}, 7, results)
    shown = put_right([Played("kills", accepted=21_000), Played("rolling", accepted=9_500)], results)
    first, last = json.loads(results.read_text())
    assert [row["row"] for row in last["rows"]] == ["calm", "kills", "rolling"]
    assert [row["notes"] for row in last["rows"]] == [[], [AGAIN], [AGAIN]]
    assert len(first["rows"]) == 1
    assert not_passed(results) == []
    assert shown == page(last)
