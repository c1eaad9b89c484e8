"""IN-1: a mail within all limits costs seconds at most, whatever is in its headers and its HTML."""

import time

import pytest

from services.intake.channels.html import MOST_CHARS, text_of_html
from services.intake.channels.mail import contact_of
from services.intake.channels.mime import MOST_PARAMETER_CHARS
from shared.events.contacts import Contact
from tests.unit.intake.given import RULES

PARTS = 190
TOP = "From: a@shop.example\r\nMessage-ID: <1@shop.example>\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n"
ATTRIBUTES = "<p " + " ".join(f"a{n}" for n in range(30_000)) + ">退款</p>"
NESTED = "<b>" * 40_000 + "</i>" * 30_000


def mail_of(parts: list[tuple[str, str]]) -> Contact:
    body = "".join(f"--q\r\n{header}\r\n\r\n{text}\r\n" for header, text in parts)
    return contact_of(f"{TOP}{body}--q--\r\n".encode(), "mail", RULES.channels.mail)


@pytest.mark.parametrize(
    "header",
    [
        'Content-Type: text/plain; x="' + ";" * 15_000,
        "Content-Type: text/plain; x=" + ";" * 15_000,
        "Content-Disposition: attachment; x=" + ";" * 15_000,
        "Content-Disposition: attachment; filename=" + '"\\' * 7_500,
        "Content-Transfer-Encoding: " + ";" * 15_000,
    ],
)
def test_IN_1_the_parameters_of_many_parts_are_read_in_seconds(header: str) -> None:
    started = time.thread_time()
    mail_of([(header, "退款")] * PARTS)
    assert time.thread_time() - started < 15, "seconds; each part took most of one"


@pytest.mark.parametrize("page", [ATTRIBUTES, NESTED])
def test_IN_1_the_html_of_many_parts_is_read_in_seconds(page: str) -> None:
    started = time.thread_time()
    mail_of([("Content-Type: text/html", page)] * 20)
    assert time.thread_time() - started < 8, "seconds; each part took four or more"


def test_IN_1_of_a_mail_so_much_html_is_read_in_all() -> None:
    page = "<p>退款</p>" + " " * (MOST_CHARS // 2)
    text = mail_of([("Content-Type: text/html; charset=utf-8", page)] * 3).text or ""
    assert text.count("退款") == 2
    assert "characters of HTML more]" in text


def test_IN_1_what_stands_before_it_is_nested_too_deep_is_read() -> None:
    assert text_of_html("<p>订单 1</p>" + "<div>" * 300 + "退款") == "订单 1"


def test_IN_1_what_is_hidden_still_parts_what_stands_around_it() -> None:
    assert text_of_html("订单1<div hidden>9</div>23") == "订单1\n23"
    assert text_of_html("a<blockquote hidden><p>b</p></blockquote>c<p>d") == "a\nc\nd"


def test_IN_1_a_link_that_another_follows_unclosed_tells_its_address() -> None:
    page = "<a href='https://a.example'>here<a href='https://b.example'>https://b.example</a> <a href='mailto:x'>x</a>"
    assert text_of_html(page) == "here <https://a.example>https://b.example x"


@pytest.mark.parametrize("name", ["报告" * 40 + ".pdf", "r" * 200 + ".pdf"])
def test_IN_10_an_attachments_name_is_read_whole_within_the_limit(name: str) -> None:
    said = "".join(f"%{byte:02X}" for byte in name.encode())
    header = f"Content-Disposition: attachment; filename*=utf-8''{said}"
    assert len(header) < MOST_PARAMETER_CHARS
    assert mail_of([(header, "x")]).attachments[0].name == name
