from pathlib import Path
from statistics import mean, stdev

import pytest

from model.trials import Trial, read_trials, table, write_trials

TRIALS = [
    Trial("cosine", seed, {"MRR": value, "HR@10": 7.0})
    for seed, value in enumerate((10.0, 12.5, 9.0))
] + [Trial("contrastive", 0, {"MRR": 3.25, "HR@10": 1.0})]


def test_trials_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    assert read_trials(path) == []
    write_trials(path, TRIALS)
    assert read_trials(path) == TRIALS
    assert [found.name for found in tmp_path.iterdir()] == ["trials.csv"]


def test_the_table_gives_mean_and_spread_over_seeds() -> None:
    header, _, cosine, contrastive = table(TRIALS, {"cosine": "the cosine objective"}).splitlines()
    values = [10.0, 12.5, 9.0]
    assert header == "| variant | MRR | HR@10 | seeds |"
    assert cosine == (
        f"| the cosine objective | {mean(values):.2f} ± {stdev(values):.2f} | 7.00 ± 0.00 | 0 1 2 |"
    )
    assert contrastive == "| contrastive | 3.25 | 1.00 | 0 |"


def test_a_write_that_fails_leaves_the_trials_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    write_trials(path, TRIALS[:2])
    with pytest.raises(ValueError, match="fields not in fieldnames"):
        write_trials(path, [*TRIALS[:1], Trial("no-mlm", 0, {"other": 1.0})])
    assert read_trials(path) == TRIALS[:2]
