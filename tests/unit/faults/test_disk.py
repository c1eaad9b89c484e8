from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.disk import Disk, NoDisk


def test_a_directory_that_is_no_disk_of_its_own_is_not_filled_and_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoDisk, match="run this row as root"):
        Disk(tmp_path).fill()
