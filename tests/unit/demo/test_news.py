from demo.news import News

ENV = {"SLA_URL": "http://sla", "FEEDBACK_URL": "http://feedback"}


def test_what_happens_for_the_first_time_is_told_once() -> None:
    news = News(ENV)
    missed = {"number": "7KQ4-M2XD", "case_id": "c1", "target": "resolution"}
    for _ in range(2):
        news.take("target.missed", missed)
        news.take("case.noted", missed)
    assert list(news.fresh()) == ["7KQ4-M2XD: resolution is missed; see http://sla/v1/cases/c1/targets"]
    assert list(news.fresh()) == []


def test_each_level_and_each_kind_of_answer_is_news() -> None:
    news = News(ENV)
    for level in (2, 3, 3):
        call = {"number": "N", "level": level, "department": "technical", "why": "not acknowledged by frontline"}
        news.take("escalation.level_raised", call)
    for answer in ("acknowledged", "refused", "refused"):
        news.take("escalation.answered", {"number": "N", "department": "payment", "answer": answer})
    assert [line.partition(": ")[2] for line in news.fresh()] == [
        "level 2: technical is called, not acknowledged by frontline",
        "level 3: technical is called, not acknowledged by frontline",
        "payment answers: acknowledged",
        "payment answers: refused",
    ]
