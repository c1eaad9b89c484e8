import pytest

from shared.events.contacts import Contact
from tests.unit.intake.given import S1, arrive, contact, opened


def test_S1_nothing_that_was_given_is_missing() -> None:
    assert arrive(None, Contact.model_validate(S1)).state.missing == ()


def test_IN_2_a_contact_point_is_missing_when_there_is_none() -> None:
    assert "contact_point" in opened("咨询保修政策", customer={}).missing


def test_S10_the_id_on_a_review_site_is_no_way_to_reach_its_writer() -> None:
    said = {"customer": {"social": "weibo:1"}, "text": "退款拖了一个月，态度恶劣，再也不买了", "rating": 1}
    assert "contact_point" in opened(channel="review", **said).missing
    assert "contact_point" not in opened(channel="social", **said).missing


def test_IN_2_a_number_that_is_none_is_missing_and_flagged_and_the_contact_is_kept() -> None:
    case = opened(customer={"phone": "12", "email": "nobody"})
    assert "contact_point" in case.missing
    assert {"phone_invalid", "email_invalid"} <= set(case.flags)
    assert case.reach.phone is None


def test_IN_2_a_description_is_missing_when_only_a_file_came() -> None:
    case = arrive(None, contact(None, attachments=[{"url": "https://files.example/1"}])).state
    assert "description" in case.missing


@pytest.mark.parametrize(
    ("text", "missing"),
    [("又开不了机了", ("serial", "device_model")), ("一体机E500开不了机，序列号SN88210", ()),
     ("要求退款", ("order",)), ("退款要多久", ("order",)),
     ("咨询保修政策", ())],
)  # fmt: skip
def test_IN_2_facts_are_missing_by_category_and_never_for_a_question(text: str, missing: tuple[str, ...]) -> None:
    assert opened(text).missing == missing


def test_IN_2_what_comes_later_is_no_longer_missing() -> None:
    case = opened("开不了机")
    after = arrive(case, contact("一体机E500，序列号SN88210", id="c2")).state
    assert case.missing
    assert after.missing == ()
