import math

import pytest

from model.training.step import StepReport
from model.training.watch import COLLAPSED, Collapse, Patience, TrainingError


def see(*cosines: float) -> None:
    watch = Collapse()
    for step, cosine in enumerate(cosines, start=1):
        watch.see(StepReport(step, 1, 1, 1, 0, 1, 0, 0, math.sqrt(max(0, 1 - cosine)), cosine))


def test_a_collapse_ends_the_run_with_step_reason_and_remedy() -> None:
    with pytest.raises(TrainingError) as ended:
        see(*[0.3] * 5, *[0.999] * 40)
    message = str(ended.value)
    assert message.startswith("step 30: the embeddings collapsed: for 25 steps the mean cosine")
    assert "spread 0.0316" in message
    assert "Lower learning_rate, or raise margin" in message


@pytest.mark.parametrize(
    "cosines",
    [[0.999] * 24, [COLLAPSED] * 99, [*[0.999] * 24, 0.9] * 3, [0.5] * 99, []],
)
def test_a_run_that_comes_back_goes_on(cosines: list[float]) -> None:
    see(*cosines)


def spent_after(patience: int, figures: list[float]) -> int | None:
    """How many measurements are taken before the run stops; None if it does not."""
    watch = Patience(patience)
    for count, figure in enumerate(figures, start=1):
        watch.better(figure, count)
        if watch.spent:
            return count
    return None


@pytest.mark.parametrize(
    ("patience", "figures", "stops"),
    [
        (1, [1, 2, 3], None),
        (1, [2, 1, 3], 2),
        (2, [2, 1, 3, 1, 1, 9], 5),
        (2, [1, 1, 1, 1], 3),  # as good is not better
        (0, [3, 2, 1, 0], None),
    ],
)
def test_patience_counts_measurements_without_a_better_one(
    patience: int, figures: list[float], stops: int | None
) -> None:
    assert spent_after(patience, figures) == stops


def test_the_best_figure_and_its_step_are_kept() -> None:
    watch = Patience(0)
    assert watch.best is None
    assert [watch.better(figure, step) for step, figure in ((5, 1.0), (10, 3.0), (15, 3.0))] == [
        True,
        True,
        False,
    ]
    assert watch.best == (3.0, 10)


@pytest.mark.parametrize("figures", [[], [4.0], [4.0, 3.0, 3.5]])
def test_patience_goes_on_where_it_was(figures: list[float]) -> None:
    first, second = Patience(3), Patience(3)
    for step, figure in enumerate(figures, start=1):
        first.better(figure, step)
    second.restore(first.state())
    assert (second.best, second.state(), second.spent) == (first.best, first.state(), first.spent)
    assert second.better(3.9, 9) == first.better(3.9, 9)
