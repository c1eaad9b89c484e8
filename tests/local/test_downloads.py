from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import downloads
from deploy.local.errors import DownloadFailed, MissingTool


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWITCHBOARD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def good(target: Path) -> None:
    (target / "tool").write_text("works")


def evil(target: Path) -> None:
    (target / "tool").write_text("steals")


def cut_off(target: Path) -> None:
    (target / "tool").write_text("wor")
    raise DownloadFailed("the registry hung up")


@pytest.fixture
def expected(tmp_path: Path) -> str:
    whole = tmp_path / "whole"
    whole.mkdir()
    good(whole)
    return downloads.digest(whole)


def kept(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock")


def test_what_is_there_whole_is_not_fetched_again(expected: str) -> None:
    home = downloads._cached("tool-1", expected, good)
    assert downloads._cached("tool-1", expected, cut_off) == home
    assert (home / "tool").read_text() == "works"


def test_a_download_that_is_cut_off_leaves_nothing_behind(cache: Path, expected: str) -> None:
    with pytest.raises(DownloadFailed, match="hung up"):
        downloads._cached("tool-1", expected, cut_off)
    assert kept(cache) == []


def test_other_files_than_expected_are_refused_and_not_kept(cache: Path, expected: str) -> None:
    with pytest.raises(DownloadFailed, match="other files than expected"):
        downloads._cached("tool-1", expected, evil)
    assert kept(cache) == []


def test_a_damaged_copy_is_fetched_again(expected: str) -> None:
    home = downloads._cached("tool-1", expected, good)
    (home / "tool").write_text("work")
    assert (downloads._cached("tool-1", expected, good) / "tool").read_text() == "works"


def test_what_a_killed_download_left_is_cleared_away(cache: Path, expected: str) -> None:
    (cache / "tool-1.part-x").mkdir(parents=True)
    downloads._cached("tool-1", expected, good)
    assert kept(cache) == ["tool-1"]


def test_a_missing_tool_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="java is missing; install it with: sudo apt-get install"):
        downloads.kafka_libs()
