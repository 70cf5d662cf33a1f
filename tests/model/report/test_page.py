import re
from html.parser import HTMLParser

from model.evaluation.results import Evaluation
from model.report.origin import Origin
from model.report.page import page
from tests.model.report.conftest import ODD

VOID = {"meta", "br", "path", "use", "rect"}


class Outline(HTMLParser):
    """Collects tags, attributes and texts; fails where elements do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_what_comes_from_data_is_escaped(evaluation: Evaluation, origin: Origin) -> None:
    outline = Outline(page(evaluation, origin))
    assert "script" not in outline.tags
    assert any(ODD in text for text in outline.texts)


def test_the_page_loads_nothing(evaluation: Evaluation, origin: Origin) -> None:
    outline = Outline(page(evaluation, origin))
    assert {"link", "script", "img", "iframe", "object"}.isdisjoint(outline.tags)
    links = [v or "" for name, v in outline.attributes if name in {"src", "href", "xlink:href"}]
    assert all(link.startswith("#") for link in links)
    style = page(evaluation, origin).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_hits_are_marked_by_more_than_colour(evaluation: Evaluation, origin: Origin) -> None:
    text = page(evaluation, origin)
    expected = sum(n.hit for e in evaluation.examples for row in e.lists.values() for n in row)
    marked = re.findall(r'<li class="hit"><span class="tick" aria-hidden="true">✓</span>', text)
    assert len(marked) == expected > 0
    assert text.count('<span class="unseen">hit: </span>') == expected


def test_every_figure_states_data_counts_and_seed(evaluation: Evaluation, origin: Origin) -> None:
    text = page(evaluation, origin)
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    assert len(captions) == len(evaluation.metrics) + 2
    line = "games.jsonl (SHA-256 abababababab…), experts.jsonl (SHA-256 cdcdcdcdcdcd…); 20 items"
    assert all(line in caption and caption.endswith("seed 0") for caption in captions)


def test_a_model_without_weights_has_no_figure(evaluation: Evaluation, origin: Origin) -> None:
    text = page(evaluation, origin)
    row = text.split("</span>gone</th>")[1].split("</tr>")[0]
    assert "weights not available (no such folder)" in row
    assert row.count("<td") == 1


def test_the_page_does_without_annotations(weak_only: Evaluation, origin: Origin) -> None:
    text = page(weak_only, origin)
    assert "Against expert annotations" not in text
    assert "shares the query&#39;s label" in text or "shares the query's label" in text
    Outline(text)
