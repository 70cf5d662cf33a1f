import math
from dataclasses import replace

import pytest
from transformers import PreTrainedTokenizerFast

from model.config import ConfigError, TrainConfig
from model.training.loop import Hooks, Run
from model.training.step import StepReport
from model.variants import VARIANTS, variant
from tests.model.tiny import games, tiny_bert

SMALL = TrainConfig(steps=2, batch_size=4, passage_tokens=16, head_steps=1)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_trains(name: str, tokenizer: PreTrainedTokenizerFast) -> None:
    config = SMALL.changed(variant(name).settings)
    reports: list[StepReport] = []
    run = Run(tiny_bert(), tokenizer, games(8), config)
    run.warm_up_head()
    run.go(Hooks(report=reports.append))
    assert [report.step for report in reports] == [1, 2]
    assert all(math.isfinite(report.loss) for report in reports)


def test_the_default_is_the_method_of_the_paper() -> None:
    assert variant("metricbert").settings == ()
    plain = TrainConfig()
    assert (plain.metric, plain.negatives, plain.both_directions) == (
        "triplet-angular",
        "hardest",
        True,
    )
    assert (plain.mlm_weight, plain.mask_probability) == (1.0, 0.15)


def test_a_variant_changes_the_objective_and_not_the_budget() -> None:
    budget = ("steps", "batch_size", "learning_rate", "seed", "heldout", "passage_tokens")
    for each in VARIANTS.values():
        changed = TrainConfig().changed(each.settings)
        assert all(getattr(changed, name) == getattr(TrainConfig(), name) for name in budget)


def test_variants_differ() -> None:
    assert len({TrainConfig().changed(each.settings) for each in VARIANTS.values()}) == len(
        VARIANTS
    )
    assert len({each.title for each in VARIANTS.values()}) == len(VARIANTS)


def test_an_unknown_variant_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown variant 'best'; there are metricbert, "):
        variant("best")


def test_simcse_has_its_dropout_whatever_else_is_set() -> None:
    shared = replace(TrainConfig(), dropout=0.0)
    assert shared.changed(variant("simcse").settings).dropout == 0.1
