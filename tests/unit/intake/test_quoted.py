"""IN-7, IN-8: whose words a mail holds: those of earlier mails, however a program marks them, raise nothing."""

import time

import pytest

from services.intake.domain.quoted import newly_written
from services.intake.domain.understand import understand
from tests.unit.intake.given import RULES, contact

MAIL = RULES.channels.mail
DOWN = "系统崩溃，上海所有门店无法使用"
HEAD_ZH = "发件人: 客服 <care@shop.example>\n发送时间: 2026年11月16日 15:04\n收件人: 王芳\n主题: 退款"
HEAD_EN = "From: Care <care@shop.example>\nSent: Monday, November 16, 2026 3:04 PM\nTo: Fang\nSubject: refund"
MARKERS = {
    "NetEase Mail Master": "---- 回复的原邮件 ----\n| 发件人 | 客服<care@shop.example> |",
    "NetEase Mail Master, English": "---- Replied Message ----\n| From | Care<care@shop.example> |",
    "NetEase, forwarded": "-------- 转发邮件信息 --------",
    "NetEase": '在 2026-11-16 15:04:00，"客服" <care@shop.example> 写道：',
    "NetEase, English": 'At 2026-11-16 15:04:00, "Care" <care@shop.example> wrote:',
    "QQ Mail": "------------------ 原始邮件 ------------------",
    "QQ Mail, fixed blanks": "------------------\u00a0原始邮件\u00a0------------------",
    "QQ Mail, English": "------------------ Original ------------------",
    "QQ Mail on a phone": "---Original---\nFrom: \"Care\"<care@shop.example>",
    "Foxmail": f"\u00a0\n{HEAD_ZH}",
    "Outlook": f"-----邮件原件-----\n{HEAD_ZH}",
    "Outlook, English": "-----Original Message-----",
    "Outlook, a head alone": HEAD_ZH,
    "Outlook, English, a head alone": HEAD_EN,
    "Outlook, a head in bold": "*From:* Care <care@shop.example>\n*Sent:* Monday, November 16, 2026 3:04 PM",
    "Apple Mail": "在 2026年11月16日，下午3:04，客服 <care@shop.example> 写道：",
    "Apple Mail, English": "On 16 Nov 2026, at 3:04 PM, Care <care@shop.example> wrote:",
    "Apple Mail, forwarded": "Begin forwarded message:",
    "Gmail": "客服 <care@shop.example> 于2026年11月16日周一 15:04写道：",
    "Gmail, wrapped": "客服 <care@shop.example>\n于2026年11月16日周一 15:04写道：",
    "Gmail, English, wrapped": "On Mon, Nov 16, 2026 at 3:04 PM Customer Care Team <\ncare@shop.example> wrote:",
    "a program that names no address": "On Mon, 16 Nov 2026, Care wrote:",
    "Thunderbird, forwarded": "-------- Forwarded Message --------",
    "Samsung": "-------- 原始邮件 --------",
    "Traditional Chinese": "客服 <care@shop.example> 於 2026年11月16日 寫道：",
}  # fmt: skip


@pytest.mark.parametrize("marker", MARKERS.values(), ids=MARKERS.keys())
def test_IN_7_what_stands_behind_the_mark_of_an_earlier_mail_raises_nothing(marker: str) -> None:
    mail = contact(f"好的，谢谢\n\n{marker}\n\n{DOWN}", channel="email")
    assert newly_written(mail.text or "", MAIL).splitlines()[0] == "好的，谢谢"
    assert DOWN not in newly_written(mail.text or "", MAIL)
    assert understand(mail, RULES).gravity.urgency == "normal"


OWN = {
    "the way of a parcel": "From: Shanghai\nTo: Beijing\nIt was sent on 2026-11-20 and is broken.",
    "the way of a parcel, in Chinese": "发件人: 王芳\n收件人: 李雷\n包裹破了",
    "what an agent said": "Your agent wrote:\nall is well\nIt is not.",
    "a line of dashes": "-----------\nIt is broken.",
    "words between dashes": "--- original packaging was damaged\nIt is broken.",
    "two dashes": "-- 原始邮件\n没有收到",
    "an address and what was said": "Mine is fang@mail.example.\nYour agent wrote:\nall is well\nIt is not.",
    "a day and what was said then": "It broke on 20 Nov 2026.\nYour agent wrote:\nall is well\nIt is not.",
}


@pytest.mark.parametrize("text", OWN.values(), ids=OWN.keys())
def test_IN_8_a_customers_own_lines_are_read_to_their_end(text: str) -> None:
    assert newly_written(f"你好\n{text}", MAIL) == f"你好\n{text}"


def test_IN_8_answers_between_quoted_lines_are_read_also_where_the_introduction_is_wrapped() -> None:
    said = "On Mon, Nov 16, 2026 at 3:04 PM Care <\ncare@shop.example> wrote:\n\n> did it work?\n\nno, order A1"
    assert newly_written(said, MAIL) == "no, order A1"


@pytest.mark.parametrize(
    "piece", ["\n", "-", "---x", "> a\n", "from: a@b\nto: c\n", "a@b 2026\nwrote:\n", "x wrote:\n", "1", "@", "* "]
)
def test_64_KiB_of_one_piece_are_read_at_once(piece: str) -> None:
    started = time.thread_time()
    newly_written(piece * (65536 // len(piece)), MAIL)
    assert time.thread_time() - started < 1, "seconds; what takes the square of its length takes minutes"
