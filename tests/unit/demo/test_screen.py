from io import StringIO

from rich.console import Console

from demo.screen import Picture, Screen


def test_without_a_terminal_there_are_plain_lines_seconds_apart() -> None:
    out = StringIO()
    with Screen(Console(file=out, width=200)) as screen:
        screen.show(Picture(total=10, fed=1))
        screen.show(Picture(total=10, fed=2))
        screen.show(Picture(total=10, fed=10, cases=7, oldest_s=1.25), last=True)
    promises = "reminded 0, missed 0, escalated 0, surveyed 0, improved 0 (of 10)"
    rest = "joined 0, assigned 0, resolved 0, told 0, quarantined 0"
    assert out.getvalue().splitlines() == [
        f"demo: fed 1, cases 0, {rest}, oldest waiting 0.0 s, {promises}",
        f"demo: fed 10, cases 7, {rest}, oldest waiting 1.2 s, {promises}",
    ]


def test_on_a_terminal_there_is_a_bar_and_a_table() -> None:
    out = StringIO()
    with Screen(Console(file=out, width=120, force_terminal=True)) as screen:
        screen.show(Picture(total=10, fed=5, assigned=4))
    assert "5/10" in out.getvalue()
    assert "improved" in out.getvalue()
    assert "oldest waiting" in out.getvalue()
