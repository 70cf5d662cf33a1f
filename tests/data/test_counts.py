"""The datasheet's counts are those of the files."""

import re

from data.catalogue import HERE, Files, load
from data.counts import markdown


def test_the_datasheet_has_the_counts_of_the_files() -> None:
    text = (HERE / "README.md").read_text("utf-8")
    found = re.search(r"<!-- counts -->\n(.*?)\n<!-- /counts -->", text, re.S)
    assert found is not None
    assert found[1] == markdown(load())


def test_two_judges_who_agree_have_a_kappa_of_one() -> None:
    files = load()
    agreed = [{**pair, "second": pair["first"]} for pair in files.agreement]
    shown = markdown(Files(files.games, files.similar, agreed))
    assert "| Cohen's kappa, similar or not | 1.00 |" in shown
    assert "settled by a third reading | 0 |" in shown
