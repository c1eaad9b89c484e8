"""IN-1, IN-10: what a customer wrote in a mail is read in whichever of its parts it stands, and only what is seen."""

import base64

import pytest

from services.intake.channels.html import MOST_CHARS, text_of_html
from tests.unit.intake.test_mail import HEAD, read, written


def mixed(*parts: tuple[str, str], kind: str = "mixed") -> bytes:
    """A multipart of (media type, content)."""
    body = "".join(f"--b\r\nContent-Type: {media}; charset=utf-8\r\n\r\n{said}\r\n" for media, said in parts)
    return HEAD + f"Content-Type: multipart/{kind}; boundary=b\r\n\r\n{body}--b--\r\n".encode()


CHARGED = "<p>My order A20261121-553 was <b>charged twice</b></p>"


def test_IN_10_words_in_html_beside_a_disclaimer_in_plain_text_are_kept_in_their_order() -> None:
    raw = mixed(("text/html", CHARGED), ("text/plain", "This e-mail is confidential."))
    assert read(raw).text == "My order A20261121-553 was charged twice\nThis e-mail is confidential."


def test_IN_10_words_in_html_before_a_picture_and_a_signature_are_kept() -> None:
    raw = mixed(("text/html", CHARGED), ("image/png", "x"), ("text/plain", "Sent from my iPhone"))
    contact = read(raw)
    assert contact.text == "My order A20261121-553 was charged twice\nSent from my iPhone"
    assert len(contact.attachments) == 1


@pytest.mark.parametrize(
    "plain", ["", "This message needs an HTML viewer.", "您的邮件客户端不支持HTML格式，请切换到普通视图", "My order"]
)
def test_IN_10_of_alternatives_the_html_is_read_where_the_plain_text_does_not_say_the_same(plain: str) -> None:
    raw = mixed(("text/plain", plain), ("text/html", CHARGED), kind="alternative")
    assert read(raw).text == "My order A20261121-553 was charged twice"


@pytest.mark.parametrize(
    ("plain", "html"),
    [
        ("My order A20261121-553 was\r\n*charged twice*", CHARGED),
        ("昨天支付了两次，请尽快退款\r\n订单 A20261121-553", "<div>昨天支付了两次，请尽快退款</div>订单 A20261121-553"),
        ("好", "<p>好</p>"),
    ],
)
def test_of_alternatives_the_plain_text_is_read_where_it_says_the_same(plain: str, html: str) -> None:
    assert read(mixed(("text/plain", plain), ("text/html", html), kind="alternative")).text == plain.replace(
        "\r\n", "\n"
    )


def test_IN_10_alternatives_within_a_mail_are_chosen_from_and_the_rest_stays() -> None:
    inner = (
        "a\r\n--c\r\nContent-Type: text/plain\r\n\r\nsee below\r\n--c\r\nContent-Type: text/html\r\n\r\n"
        f"{CHARGED}\r\n--c--"
    )
    raw = mixed(("multipart/alternative; boundary=c", inner), ("text/plain", "Best regards, Fang"))
    assert read(raw).text == "My order A20261121-553 was charged twice\nBest regards, Fang"


PASTED = f'<img src="data:image/png;base64,{base64.b64encode(bytes(300_000)).decode()}">'


def test_IN_10_a_pasted_picture_does_not_cut_off_what_stands_behind_it() -> None:
    assert read(written("", html=f"<p>你好</p>{PASTED}<p>我被重复扣款了</p>").as_bytes()).text == "你好\n我被重复扣款了"


@pytest.mark.parametrize("between", ["", "\r\n", "\n  "])
@pytest.mark.parametrize(
    "before", ['<div style="background:url(data:image/png;base64,%s)">', "<img src = 'data:image/gif;base64,%s'>"]
)
def test_IN_10_a_pasted_picture_is_passed_over_however_it_is_written(before: str, between: str) -> None:
    assert text_of_html(before % between.join(["QUJD" * 19] * 6000) + "<p>退款</p>") == "退款"


def test_words_behind_the_text_of_a_picture_are_read() -> None:
    assert text_of_html("<p>src=data:image/gif;base64,QUJD please refund</p>") == "src= please refund"


def test_IN_10_a_mail_that_begins_with_a_picture_and_has_no_subject_is_taken() -> None:
    raw = written("", html=f"{PASTED}退款", Subject="").as_bytes()
    assert (read(raw).subject, read(raw).text) == (None, "退款")


def test_words_about_data_are_no_picture() -> None:
    assert text_of_html('<p>He wrote "data: my order is 1, 2" to me</p>') == 'He wrote "data: my order is 1, 2" to me'


def test_IN_10_markup_too_long_to_be_read_says_how_much_more_there_was() -> None:
    html = "<p>你好</p>" + f"<p {'x' * 1000}></p>" * 1000
    assert text_of_html(html) == f"你好\n[… {len(html) - MOST_CHARS} characters of HTML more]"


@pytest.mark.parametrize(
    "style",
    ["opacity:0", "opacity: 0.0", "max-height:0", "max-height:0px;overflow:hidden", "mso-hide:all", "font-size:0",
     "FONT-SIZE: 0px", "font-size:0.0pt", "position:absolute;left:-9999px", "text-indent:-10000px",
     "margin-left:-999em", "max-width:0", "color:transparent", "visibility:hidden", "color:red;display:none!important"],
)  # fmt: skip
def test_IN_10_what_no_reader_of_a_mail_sees_is_not_read(style: str) -> None:
    assert text_of_html(f"<div style='{style}'>system down</div>退款") == "退款"


@pytest.mark.parametrize(
    "style",
    ["opacity:0.9", "opacity:1", "max-height:01px", "font-size:0.9em", "font-size:10px", "text-indent:-18pt",
     "background-color:transparent", "max-width:0.5em",
     "backface-visibility:hidden", "--bg-opacity:0", "mso-hide:none", "margin-left:-12px"],
)  # fmt: skip
def test_IN_10_what_a_reader_sees_is_read(style: str) -> None:
    assert text_of_html(f"<div style='{style}'>system down</div>退款") == "system down\n退款"
