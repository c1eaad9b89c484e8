"""Who gave nothing but what many give, and says later who he is (IN-3, IN-4)."""

from services.intake.store import Cases
from tests.simulation.test_joining import says, told


def test_IN_3_a_case_with_a_placeholder_only_is_found_by_its_order_once_he_says_who_he_is() -> None:
    async def story(cases: Cases) -> None:
        nobody, him = {"email": "none@none.com", "phone": "+8613800000000"}, {"email": "li@x.example"}
        case = await says(cases, "1", "订单A20261121-553重复扣款", customer=nobody)
        named = await says(cases, "2", "我是李强", customer=him, replies_to=["1"])
        assert (named.case_id, named.reach.email) == (case.case_id, "li@x.example")
        later = await says(cases, "3", "订单A20261121-553的退款呢", customer=him)
        assert later.case_id == case.case_id

    told(story)
