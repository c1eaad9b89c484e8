"""IN-10: the line of a contact says what was said, and by whom."""

from services.intake.domain.said import contact_note
from tests.unit.intake.given import NOW, RULES, contact


def test_IN_10_the_line_of_a_contact_says_who_spoke_and_what_facts_he_stated() -> None:
    said = contact(
        "我也来说两句",
        customer={"name": "李明", "email": "LI@x.example", "phone": "13800138000"},
        facts={"order": "A1"},
    )
    data = contact_note(said, NOW, RULES).data
    assert data["from"] == {"name": "李明", "points": ["phone:+8613800138000", "email:li@x.example"]}
    assert data["facts"] == {"order": "A1"}


def test_IN_10_of_who_says_nothing_of_himself_nothing_is_told() -> None:
    data = contact_note(contact(customer={"phone": "call me"}), NOW, RULES).data
    assert not {"from", "facts"} & data.keys()
