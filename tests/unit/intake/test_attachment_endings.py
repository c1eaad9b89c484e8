"""IN-10: what installs or runs when it is opened is refused, also where only the query of its link names it."""

import pytest

from tests.unit.intake.test_attachments import why


@pytest.mark.parametrize(
    "ending",
    ["msix", "appx", "jnlp", "application", "desktop", "one", "xlsb", "library-ms", "svgz", "shtml", "msixbundle",
     "appinstaller", "search-ms", "website"],
)  # fmt: skip
def test_IN_10_a_file_that_runs_when_it_is_opened_is_refused(ending: str) -> None:
    assert why(name=f"invoice.{ending}") == "ending"
    assert why(url=f"https://files.example/invoice.{ending}") == "ending"


@pytest.mark.parametrize(
    "query",
    ["file=evil.exe", "id=7&FILE=evil.exe", "filename=a.png&filename=evil%2Eexe", "path=/a/b/evil.exe",
     "name=evil.exe%20", "response-content-disposition=attachment%3B%20filename%3D%22evil.exe%22"],
)  # fmt: skip
def test_IN_10_a_name_in_the_query_of_a_link_is_judged_like_any(query: str) -> None:
    assert why(url=f"https://files.example/download?{query}") == "ending"


@pytest.mark.parametrize(
    "query", ["file=bill.pdf", "site=shop.com", "by=fang@mail.com", "filename=", "x", "a=b;c=d.exe", "%ff=%ff"]
)
def test_IN_10_a_query_that_names_no_such_file_is_taken(query: str) -> None:
    assert why(url=f"https://files.example/download?{query}") == ""
