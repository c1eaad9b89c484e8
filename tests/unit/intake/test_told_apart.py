"""IN-3: whom a person told apart stays apart, and each has his own again."""

from services.intake.domain.customer import Customer, give_back, merge, remember, unmerge
from tests.unit.intake.given import NOW, RULES, contact
from tests.unit.intake.test_identify import customer, who

SHARED, FANGS, LIS = "email:info@firm.example", "phone:+8613811110001", "phone:+8613811110002"
BY = {"by": "S01", "why": "两个人"}


def test_IN_3_after_a_merger_by_rule_is_undone_nobody_keeps_a_point_of_the_other() -> None:
    said = contact(customer={"email": "info@firm.example", "phone": "13811110002"}, channel="email")
    fang, li = Customer(customer_id="a", points=(SHARED,)), Customer(customer_id="b", points=(LIS,))
    one = remember(fang, NOW, contact=said, customer_id="a", points=(LIS, SHARED), rules=RULES, same=(li,)).state
    assert one.gained == {"b": (LIS,)}
    goes = unmerge(merge(li, NOW, into="a").state, NOW, from_="a", **BY).state
    stays = give_back(one, NOW, to=goes, **BY).state
    assert (goes.points, stays.points) == ((LIS,), (SHARED,))


FANG = customer("a", SHARED, FANGS, name="王芳", apart=("b",))


def test_IN_3_who_was_told_apart_is_found_by_his_own_number_though_he_writes_from_the_shared_address() -> None:
    li = customer("b", LIS, name="李强", apart=("a",))
    assert who((LIS, SHARED), FANG, li, name="李强", vouched=(SHARED,)).customer_id == "b"
    assert who((LIS, SHARED), FANG, li, name="李强", vouched=(SHARED,)).same == ()


def test_IN_3_of_two_who_were_told_apart_and_have_one_address_the_name_tells_who_it_is() -> None:
    li = customer("b", SHARED, name="李强", apart=("a",))
    assert who((SHARED,), FANG, li, name="李强", vouched=(SHARED,)).customer_id == "b"
    assert who((SHARED,), FANG, li, name="王芳", vouched=(SHARED,)).customer_id == "a"


def test_IN_3_an_address_finds_its_only_owner_however_his_name_is_written() -> None:
    assert who((SHARED,), FANG, name="Fang Wang", vouched=(SHARED,)).customer_id == "a"
