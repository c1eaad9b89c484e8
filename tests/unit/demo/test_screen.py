from io import StringIO

from rich.console import Console

from demo.screen import Picture, Screen


def test_without_a_terminal_there_are_plain_lines_seconds_apart() -> None:
    out = StringIO()
    with Screen(Console(file=out, width=200)) as screen:
        screen.show(Picture(total=10, fed=1))
        screen.show(Picture(total=10, fed=2))
        screen.show(Picture(total=10, fed=10, cases=7, oldest_s=1.25), last=True)
    assert out.getvalue().splitlines() == [
        "demo: fed 1, cases 0, joined 0, assigned 0, resolved 0, told 0, quarantined 0, oldest waiting 0.0 s (of 10)",
        "demo: fed 10, cases 7, joined 0, assigned 0, resolved 0, told 0, quarantined 0, oldest waiting 1.2 s (of 10)",
    ]


def test_on_a_terminal_there_is_a_bar_and_a_table() -> None:
    out = StringIO()
    with Screen(Console(file=out, width=120, force_terminal=True)) as screen:
        screen.show(Picture(total=10, fed=5, assigned=4))
    assert "5/10" in out.getvalue()
    assert "oldest waiting" in out.getvalue()
