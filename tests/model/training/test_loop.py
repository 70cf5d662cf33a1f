import copy
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from typing import Any

import pytest
import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from model.batches import Batcher
from model.config import ConfigError, TrainConfig
from model.guard import lookalikes
from model.losses.masked import masked_language_loss
from model.losses.metric import Embedded, metric_loss
from model.pairs import PairSchedule
from model.training.loop import Guide, Hooks, Run, State
from model.training.step import StepReport, derived_seed, embed, read_masked
from model.training.watch import TrainingError
from tests.model.tiny import games, tiny_bert, unit_rows

CONFIG = TrainConfig(
    steps=6,
    batch_size=4,
    passage_tokens=16,
    head_steps=2,
    learning_rate=1e-3,
    head_learning_rate=1e-2,
    save_every=3,
)
RECORDS = games(16)
TEACHER = {r.id: row for r, row in zip(RECORDS, unit_rows(16, 32, seed=3), strict=True)}
Weights = dict[str, torch.Tensor]


def weights(model: BertForMaskedLM) -> Weights:
    return copy.deepcopy(model.state_dict())


def equal(left: Weights, right: Weights) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


def close(left: Weights, right: Weights) -> None:
    """Equal but for rounding.

    A key's bias adds the same to all scores of a softmax: its gradient is nothing but rounding, and
    Adam makes a whole step of it.
    """
    for name in left:
        if not name.endswith("key.bias"):
            torch.testing.assert_close(left[name], right[name], atol=1e-4, rtol=1e-4)


def fresh(tokenizer: PreTrainedTokenizerFast, config: TrainConfig) -> tuple[BertForMaskedLM, Run]:
    model = tiny_bert(spread=0.1)
    torch.seed()  # whatever was drawn before, the run's own seed settles the numbers
    return model, Run(model, tokenizer, RECORDS, config, guide=Guide(TEACHER))


def trained(
    tokenizer: PreTrainedTokenizerFast, config: TrainConfig, **hooks: Any
) -> tuple[BertForMaskedLM, list[StepReport]]:
    reports: list[StepReport] = []
    model, run = fresh(tokenizer, config)
    run.warm_up_head()
    run.go(Hooks(report=reports.append, **hooks))
    return model, reports


@pytest.mark.parametrize(
    "way",
    [{}, {"precision": "bfloat16"}, {"negatives": "random"}, {"language": "denoising"}],
    ids=str,
)
def test_the_same_seed_gives_the_same_weights(
    way: dict[str, Any], tokenizer: PreTrainedTokenizerFast
) -> None:
    (first, reports), (again, same) = (trained(tokenizer, replace(CONFIG, **way)) for _ in "12")
    assert equal(weights(first), weights(again))
    assert reports == same


def test_another_seed_gives_other_weights(tokenizer: PreTrainedTokenizerFast) -> None:
    first, other = (trained(tokenizer, replace(CONFIG, seed=seed))[0] for seed in (0, 1))
    assert not equal(weights(first), weights(other))


def plain_step(model: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast, step: int) -> None:
    """Put the gradients of a step of CONFIG on the model, without chunks and caches."""
    pairs = PairSchedule(RECORDS, size=4, seed=0).at(step)
    batcher = Batcher(tokenizer, passage_tokens=16, mask_probability=0.15)
    batch = batcher.batch(pairs, seed=derived_seed(0, "train", step, 0))
    records = {record.id: record for record in RECORDS}
    blocked = lookalikes([records[item] for item in batch.ids])
    logits = model(**batch.masked).logits[batch.labels != -100]
    mlm = masked_language_loss(logits, batch.labels[batch.labels != -100]) / max(batch.hidden, 1)
    sides = embed(model, batch.anchors), embed(model, batch.positives)
    (mlm + 20 * metric_loss(Embedded(*sides, blocked), CONFIG).loss).backward()


def test_a_run_matches_a_plain_loop(tokenizer: PreTrainedTokenizerFast) -> None:
    config = replace(CONFIG, dropout=0.0, head_steps=0, steps=4, warmup=0.5)
    model = tiny_bert(spread=0.1)
    encoder = {id(parameter) for parameter in model.bert.parameters()}
    head = [parameter for parameter in model.parameters() if id(parameter) not in encoder]
    groups = [{"params": list(model.bert.parameters())}, {"params": head}]
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    for step, share in enumerate((0, 1 / 2, 1, 1 / 2)):
        optimizer.param_groups[0]["lr"] = share * config.learning_rate
        optimizer.param_groups[1]["lr"] = share * config.head_learning_rate
        optimizer.zero_grad()
        plain_step(model, tokenizer, step)
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
    found, _ = trained(tokenizer, config)
    close(weights(found), weights(model))


@pytest.mark.parametrize(
    "change",
    [
        {"chunk_size": 2},
        {"chunk_size": 1, "mlm_share": 0.5},
        {"chunk_size": 2, "language": "denoising", "passages": "noised"},
    ],
    ids=str,
)
def test_chunks_change_the_weights_by_rounding_only(
    change: dict[str, Any], tokenizer: PreTrainedTokenizerFast
) -> None:
    config = replace(CONFIG, dropout=0.0, head_steps=0, steps=3, **change)
    chunked, _ = trained(tokenizer, config)
    whole, _ = trained(tokenizer, replace(config, chunk_size=0))
    close(weights(chunked), weights(whole))


def test_frozen_layers_stand_still_and_the_others_learn(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    before = weights(tiny_bert(spread=0.1))
    model, _ = trained(tokenizer, replace(CONFIG, frozen_layers=1))
    moved = {name for name, value in weights(model).items() if not torch.equal(value, before[name])}
    assert not [name for name in moved if "embeddings" in name or "layer.0." in name]
    assert [name for name in moved if "layer.1." in name]
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_more_frozen_layers_than_there_are_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ConfigError, match="frozen_layers is 3; the base model has 2 layers"):
        fresh(tokenizer, replace(CONFIG, frozen_layers=3))


def test_every_weight_learns(tokenizer: PreTrainedTokenizerFast) -> None:
    model, _ = trained(tokenizer, CONFIG)
    before = weights(tiny_bert(spread=0.1))
    still = [name for name, value in weights(model).items() if torch.equal(value, before[name])]
    assert still == []


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_both_losses_fall(precision: str, tokenizer: PreTrainedTokenizerFast) -> None:
    config = replace(CONFIG, steps=40, batch_size=8, precision=precision, learning_rate=5e-3)
    _, reports = trained(tokenizer, config)
    for part in ("loss", "mlm", "metric"):
        values = [getattr(report, part) for report in reports]
        assert sum(values[-5:]) < 0.85 * sum(values[:5]), part


def test_a_teacher_draws_the_vectors_to_its_own(tokenizer: PreTrainedTokenizerFast) -> None:
    config = replace(CONFIG, steps=60, teacher_weight=20, learning_rate=5e-3, metric_weight=0)
    _, reports = trained(tokenizer, config)
    assert reports[-1].teacher < 0.75 * reports[0].teacher


def test_a_teacher_is_needed_where_it_has_a_weight(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="no teacher's vectors are given"):
        Run(tiny_bert(), tokenizer, RECORDS, replace(CONFIG, teacher_weight=1.0))


@pytest.mark.parametrize("changes", [{"mutual": 0.5}, {"mined": 1}])
def test_neighbours_are_needed_where_a_run_looks_around(
    changes: dict[str, float], tokenizer: PreTrainedTokenizerFast
) -> None:
    config = replace(CONFIG, **changes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no neighbours are given"):
        Run(tiny_bert(), tokenizer, RECORDS, config)


def test_each_step_is_reported_once(tokenizer: PreTrainedTokenizerFast) -> None:
    model, reports = trained(tokenizer, CONFIG)
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    for report in reports:
        assert all(torch.isfinite(torch.tensor(astuple(report))))
    assert not model.training
    assert model.config._attn_implementation == tiny_bert().config._attn_implementation


def hidden_loss(model: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast) -> float:
    batcher = Batcher(tokenizer, passage_tokens=16, mask_probability=0.3)
    batch = batcher.batch(PairSchedule(RECORDS, size=16, seed=0).at(0), seed=0)
    with torch.inference_mode():
        return read_masked(model, batch)[1].item() / batch.hidden


def test_the_heads_warm_up_leaves_the_encoder_alone(tokenizer: PreTrainedTokenizerFast) -> None:
    model, run = fresh(tokenizer, replace(CONFIG, head_steps=40))
    before, loss = weights(model), hidden_loss(model, tokenizer)
    run.warm_up_head()
    after = weights(model)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    tied = "cls.predictions.decoder.weight"  # the word embeddings
    assert moved == {name for name in before if name.startswith("cls.") and name != tied}
    assert hidden_loss(model, tokenizer) < 0.9 * loss
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.training


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_heads_warm_up_is_the_same_in_chunks(
    share: float, tokenizer: PreTrainedTokenizerFast
) -> None:
    found = []
    for chunk_size in (0, 2):
        model, run = fresh(tokenizer, replace(CONFIG, chunk_size=chunk_size, mlm_share=share))
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        run.warm_up_head()
        found.append(model.state_dict())
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def kept(states: list[bytes]) -> Callable[[State], None]:
    def save(state: State) -> None:
        stream = io.BytesIO()
        torch.save(state, stream)
        states.append(stream.getvalue())

    return save


def load(state: bytes) -> State:
    found: State = torch.load(io.BytesIO(state), weights_only=True)
    return found


WAYS: list[dict[str, Any]] = [
    {},
    {"precision": "bfloat16"},
    {"negatives": "random", "chunk_size": 2, "mlm_share": 0.5},
    {"teacher_weight": 2.0, "masked_pass": True, "both_directions": False},
    {"passages": "noised", "title_share": 0.3, "whole_words": True, "seed": 5},
    {"language": "denoising", "passages": "noised"},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_run_that_is_resumed_ends_with_the_same_weights(
    way: dict[str, Any], tokenizer: PreTrainedTokenizerFast
) -> None:
    """Bit for bit: the tolerance is none."""
    config = replace(CONFIG, **way)
    states: list[bytes] = []
    unbroken, reports = trained(tokenizer, config, save=kept(states))
    assert [load(state)["step"] for state in states] == [3, 6]
    model, run = fresh(tokenizer, config)
    run.restore(load(states[0]))
    again: list[StepReport] = []
    run.go(Hooks(report=again.append))
    assert equal(weights(model), weights(unbroken))
    assert again == reports[3:]


@pytest.mark.parametrize("last", [1, 3, 6, 9])
def test_a_run_can_end_on_its_way(last: int, tokenizer: PreTrainedTokenizerFast) -> None:
    config, states, reports = replace(CONFIG, save_every=1), list[bytes](), list[StepReport]()
    trained(tokenizer, config, save=kept(states))
    model, run = fresh(tokenizer, config)
    run.warm_up_head()
    run.go(Hooks(report=reports.append), stop_at=last)
    assert run.step == len(reports) == min(last, 6)
    assert equal(weights(model), load(states[run.step - 1])["model"])


def figures(values: Sequence[float]) -> Callable[[], float]:
    left = iter(values)
    return lambda: next(left)


def test_a_run_stops_when_patience_is_spent_and_keeps_the_best_weights(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    config = replace(CONFIG, steps=20, evaluate_every=2, patience=2, save_every=1)
    states: list[bytes] = []
    measure = figures([1.0, 3.0, 2.0, 3.0, 9.0])
    model, reports = trained(tokenizer, config, measure=measure, save=kept(states))
    assert len(reports) == 8  # the fourth measurement is the second without a better one
    assert equal(weights(model), load(states[3])["model"])  # those behind step 4
    assert not equal(weights(model), load(states[7])["model"])


@pytest.mark.parametrize("place", [1, 3, 4, 7])
def test_patience_and_best_weights_survive_a_kill(
    place: int, tokenizer: PreTrainedTokenizerFast
) -> None:
    config = replace(CONFIG, steps=20, evaluate_every=2, patience=2, save_every=1)
    values, states = [1.0, 3.0, 2.0, 3.0], list[bytes]()
    unbroken, _ = trained(tokenizer, config, measure=figures(values), save=kept(states))
    model, run = fresh(tokenizer, config)
    run.restore(load(states[place]))
    run.go(Hooks(measure=figures(values[(place + 1) // 2 :])))
    assert run.best == (3.0, 4)
    assert run.step == 8
    assert equal(weights(model), weights(unbroken))


def test_the_best_weights_are_kept_without_patience_too(tokenizer: PreTrainedTokenizerFast) -> None:
    config, states = replace(CONFIG, evaluate_every=3, save_every=3), list[bytes]()
    model, reports = trained(tokenizer, config, measure=figures([2.0, 1.0]), save=kept(states))
    assert len(reports) == 6
    assert equal(weights(model), load(states[0])["model"])


def test_measuring_changes_nothing(tokenizer: PreTrainedTokenizerFast) -> None:
    def measure() -> float:
        model.eval()
        torch.rand(7)
        return float(run.step)

    model, run = fresh(tokenizer, replace(CONFIG, evaluate_every=1))
    run.go(Hooks(measure=measure))
    other, plain = fresh(tokenizer, CONFIG)
    plain.go(Hooks())
    assert equal(weights(model), weights(other))


def test_a_loss_that_is_not_finite_ends_the_run(tokenizer: PreTrainedTokenizerFast) -> None:
    reports: list[StepReport] = []
    model, run = fresh(tokenizer, CONFIG)
    torch.nn.init.constant_(model.bert.embeddings.LayerNorm.weight, math.nan)
    with pytest.raises(TrainingError, match=r"^step 1: the loss is nan.*; lower learning_rate$"):
        run.go(Hooks(report=reports.append))
    assert reports == []
    assert not model.training


def test_a_gradient_that_is_not_finite_ends_the_run_before_it_spoils_the_weights(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    model, run = fresh(tokenizer, CONFIG)
    before = weights(model)
    model.bert.embeddings.word_embeddings.weight.register_hook(lambda grad: grad * math.inf)
    with pytest.raises(TrainingError, match=r"^step 1: .* gradient inf; lower learning_rate$"):
        run.go(Hooks())
    assert equal(weights(model), before)


def test_a_collapse_ends_the_run_with_an_explanation(tokenizer: PreTrainedTokenizerFast) -> None:
    reports: list[StepReport] = []
    config = replace(CONFIG, steps=99, learning_rate=1e-9, dropout=0.0)
    model, run = fresh(tokenizer, config)
    words = model.bert.embeddings.word_embeddings.weight
    words.data[:] = 5 * torch.randn(32, generator=torch.Generator().manual_seed(0))  # all the same
    with pytest.raises(TrainingError, match=r"^step 25: the embeddings collapsed: for 25 steps"):
        run.go(Hooks(report=reports.append))
    assert [report.step for report in reports] == list(range(1, 26))
    assert reports[-1].cosine > 0.99


def test_fewer_records_than_a_batch_are_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="3 records cannot fill a batch of 4"):
        Run(tiny_bert(), tokenizer, games(3), CONFIG)


def test_records_that_are_all_alike_can_be_trained_on(tokenizer: PreTrainedTokenizerFast) -> None:
    alike = [replace(record, title="Red Car") for record in games(8)]  # no negative is left
    reports: list[StepReport] = []
    Run(tiny_bert(), tokenizer, alike, CONFIG).go(Hooks(report=reports.append))
    assert [report.metric for report in reports] == [0.0] * 6
