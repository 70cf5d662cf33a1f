import re
from collections.abc import Callable
from functools import partial
from xml.etree import ElementTree

import pytest

from model.evaluation.results import Evaluation
from model.report.plots import colour, metric_plot, occurrence_plot, recall_plot
from tests.model.report.conftest import ODD

Draw = Callable[[Evaluation], str]


def metric_at(place: int, evaluation: Evaluation) -> str:
    return metric_plot(evaluation, evaluation.metrics[place])


DRAWS: list[Draw] = [recall_plot, occurrence_plot, partial(metric_at, 0), partial(metric_at, 8)]


@pytest.mark.parametrize("draw", DRAWS)
def test_a_plot_is_one_element_in_the_colours_of_its_page(
    draw: Draw, evaluation: Evaluation
) -> None:
    drawn = draw(evaluation)
    root = ElementTree.fromstring(drawn)
    assert root.tag.endswith("svg")
    assert root.get("role") == "img"
    assert "currentColor" in drawn
    texts = ["".join(text.itertext()).strip() for text in root.iter() if text.tag.endswith("text")]
    assert {"plain", ODD} <= set(texts)
    assert "gone" not in texts
    assert draw(evaluation) == drawn  # no date, no random names


@pytest.mark.parametrize("draw", DRAWS)
def test_a_plot_needs_nothing_from_outside(draw: Draw, evaluation: Evaluation) -> None:
    drawn = re.sub(r' xmlns(:\w+)?="[^"]*"', "", draw(evaluation))
    assert "http" not in drawn
    assert "<script" not in drawn
    ids = re.findall(r' id="([^"]+)"', drawn)
    assert all(f"#{name}" in drawn for name in ids)


def test_every_bar_has_its_figure(evaluation: Evaluation) -> None:
    drawn = metric_at(0, evaluation)
    for result in evaluation.measured:
        assert f">{100 * result.estimates['MPR'].value:.1f}<" in drawn


def test_an_evaluation_without_annotations_has_its_plots(weak_only: Evaluation) -> None:
    assert "<svg" in metric_at(0, weak_only)
    assert "<svg" in occurrence_plot(weak_only)


def test_colours_start_again_after_the_last() -> None:
    assert len({colour(place) for place in range(10)}) == 10
    assert colour(0) == colour(10)
