"""What the search index keeps of a case (IN-9): what it is about and what came of it, then what was said last."""

from services.intake.domain.findable import MOST_WORDS, findable
from tests.unit.intake.given import opened

LINES = [" ".join(f"word{line}x{n}" for n in range(100)) for line in range(MOST_WORDS // 100)]


def test_a_long_case_is_found_by_its_result_its_order_and_what_was_said_last() -> None:
    case = opened("订单A20261121-553没有收到货").changed(status="resolved", resolution="replaced the mainboard")
    kept = findable(case, 1, ("newest banana", *LINES, "oldest cherry"))["words"]
    assert {"#a20261121553", "mainboard", "banana"} <= set(kept)
    assert ("cherry" in kept, len(kept)) == (False, MOST_WORDS)


def test_IN_9_others_are_compared_with_what_the_customer_wanted_not_with_all_that_was_said() -> None:
    case = opened("打印机卡纸 13800138000").changed(status="resolved", resolution="已更换")
    about = findable(case, 1, ("agents talk of invoices",))["about"]
    assert "卡纸" in about
    assert not {"invoice", "#13800138000", "更换"} & set(about)
    assert findable(opened("打印机卡纸"), 1)["about"] == [], "it helps nobody yet"
