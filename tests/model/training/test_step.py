"""The gradients of a step: chunked, unchunked and by a plain backward pass they are the same."""

from dataclasses import astuple, replace
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from model.batches import Batch, Batcher
from model.config import CHOICES, TrainConfig
from model.encoder import pool
from model.guard import lookalikes
from model.losses.metric import Embedded, metric_loss
from model.pairs import Pair, PairSchedule
from model.training.step import (
    Parts,
    Stepper,
    StepReport,
    Views,
    derived_seed,
    embed,
    forward_precision,
    isotropy,
    read_masked,
    teacher_loss,
)
from tests.model.tiny import games, tiny_bert, unit_rows

SIZE = 8
CONFIG = TrainConfig(batch_size=SIZE, passage_tokens=16, mask_probability=0.3, dropout=0.0)
Gradients = dict[str, Tensor]


def training_bert(dropout: float = 0.0) -> BertForMaskedLM:
    model = tiny_bert()
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return model


def whole_batch(tokenizer: PreTrainedTokenizerFast, config: TrainConfig) -> Batch:
    batcher = Batcher(
        tokenizer,
        passage_tokens=config.passage_tokens,
        mask_probability=config.mask_probability,
        mlm_share=config.mlm_share,
    )
    return batcher.batch(PairSchedule(games(20), size=SIZE, seed=1).at(0), seed=1)


def parts_of(batch: Batch, config: TrainConfig) -> Parts:
    records = {record.id: record for record in games(20)}
    targets = unit_rows(SIZE, 32, seed=5) if config.teacher_weight else None
    blocked = lookalikes([records[item] for item in batch.ids])
    return Parts(batch.split(config.chunk_size or SIZE), blocked, targets)


def gradients(model: BertForMaskedLM) -> Gradients:
    named = model.named_parameters()
    return {name: weights.grad for name, weights in named if weights.grad is not None}


def stepped(
    tokenizer: PreTrainedTokenizerFast, config: TrainConfig
) -> tuple[StepReport, Gradients]:
    model = training_bert(config.dropout)
    parts = parts_of(whole_batch(tokenizer, config), config)
    torch.seed()  # whatever was drawn before, the step's own seeds settle the numbers
    report = Stepper(model, config, Accelerator()).run(1, parts)
    return report, gradients(model)


def plain(tokenizer: PreTrainedTokenizerFast, config: TrainConfig) -> tuple[float, Gradients]:
    """One forward pass over the whole batch, one loss, one backward pass."""
    model, batch = training_bert(), whole_batch(tokenizer, config)
    parts = parts_of(batch, config)
    anchors = embed(model, batch.masked if config.masked_pass else batch.anchors)
    positives = embed(model, batch.positives)
    logits = model(**batch.masked).logits  # (masked, length, vocabulary)
    mlm = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten())
    torch.manual_seed(derived_seed(config.seed, 1, "mining"))
    metric = metric_loss(Embedded(anchors, positives, parts.blocked), config).loss
    loss = config.mlm_weight * mlm + config.metric_weight * metric
    if parts.targets is not None:
        far = 1 - (anchors * parts.targets).sum(dim=1), 1 - (positives * parts.targets).sum(dim=1)
        loss = loss + config.teacher_weight * torch.cat(far).mean()
    loss.backward()
    return loss.item(), gradients(model)


def same(left: Gradients, right: Gradients) -> None:
    """Equal but for rounding: parameters that one side leaves out have no gradient on the other."""
    for name in left.keys() | right.keys():
        there = left[name] if name in left else right[name]
        a, b = (side.get(name, torch.zeros_like(there)) for side in (left, right))
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


WAYS: dict[str, dict[str, Any]] = {
    **{metric: {"metric": metric} for metric in CHOICES["metric"]},
    **{negatives: {"negatives": negatives} for negatives in CHOICES["negatives"]},
    "masked pass": {"masked_pass": True},
    "some masked": {"mlm_share": 0.25},
    "no language loss": {"mlm_weight": 0.0},
    "teacher": {"teacher_weight": 3.0},
    "teacher alone": {"teacher_weight": 3.0, "metric_weight": 0.0, "mlm_weight": 0.0},
    "one direction": {"both_directions": False},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("chunk_size", [0, 1, 4])
def test_chunked_gradients_are_those_of_one_plain_pass(
    chunk_size: int, way: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    config = replace(CONFIG, chunk_size=chunk_size, **WAYS[way])
    loss, expected = plain(tokenizer, config)
    report, found = stepped(tokenizer, config)
    assert report.loss == pytest.approx(loss, rel=1e-5)
    same(found, expected)


@pytest.mark.parametrize("chunk_size", [0, 4])
@pytest.mark.parametrize("precision", CHOICES["precision"])
def test_a_step_with_dropout_is_the_same_every_time(
    precision: str, chunk_size: int, tokenizer: PreTrainedTokenizerFast
) -> None:
    config = replace(CONFIG, dropout=0.2, chunk_size=chunk_size, precision=precision)
    (report, first), (same_report, again) = (stepped(tokenizer, config) for _ in range(2))
    assert report == same_report
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_both_readings_of_a_chunk_drop_the_same(tokenizer: PreTrainedTokenizerFast) -> None:
    config = replace(CONFIG, dropout=0.3, chunk_size=4, mlm_weight=0.0)
    model, parts = training_bert(0.3), parts_of(whole_batch(tokenizer, config), config)
    sides: list[list[Tensor]] = [[], []]
    for number, chunk in enumerate(parts.chunks):
        torch.manual_seed(derived_seed(config.seed, 1, number))
        sides[1].append(embed(model, chunk.positives))
        sides[0].append(embed(model, chunk.anchors))
    anchors, positives = (torch.cat(side) for side in sides)  # all on one graph
    loss = metric_loss(Embedded(anchors, positives, parts.blocked), config).loss
    (config.metric_weight * loss).backward()
    _, found = stepped(tokenizer, config)
    same(found, gradients(model))


def test_other_steps_and_seeds_drop_and_mine_otherwise(tokenizer: PreTrainedTokenizerFast) -> None:
    config = replace(CONFIG, dropout=0.3)
    first, other = (stepped(tokenizer, replace(config, seed=seed))[0] for seed in (0, 1))
    assert first != other


def test_both_precisions_run_in_one_process(tokenizer: PreTrainedTokenizerFast) -> None:
    losses = []
    for precision in ("float32", "bfloat16", "float32"):
        report, found = stepped(tokenizer, replace(CONFIG, precision=precision))
        assert all(gradient.dtype == torch.float32 for gradient in found.values())
        losses.append(report.loss)
    assert losses[0] == losses[2] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_the_forward_pass_has_the_precision_asked_for(bert: BertForMaskedLM) -> None:
    for precision in CHOICES["precision"]:
        with forward_precision(bert, replace(CONFIG, precision=precision)):
            assert (torch.eye(2) @ torch.eye(2)).dtype == getattr(torch, precision)


def test_a_report_is_the_weighted_sum_of_its_parts(tokenizer: PreTrainedTokenizerFast) -> None:
    report, _ = stepped(tokenizer, replace(CONFIG, teacher_weight=3.0))
    parts = report.mlm + 20 * report.metric + 3 * report.teacher
    assert report.loss == pytest.approx(parts, rel=1e-6)
    assert all(torch.isfinite(torch.tensor(astuple(report))))
    assert 0 <= report.active <= 1
    assert 0 <= report.spread <= 1


def test_the_language_loss_is_that_of_all_logits(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    batch = whole_batch(tokenizer, CONFIG)
    logits = bert(**batch.masked).logits  # (8, length, vocabulary)
    mean = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten())
    vectors, loss = read_masked(bert, batch)
    torch.testing.assert_close(loss, mean * batch.hidden)
    torch.testing.assert_close(vectors, embed(bert, batch.masked))


def test_a_chunk_without_masked_anchors_still_reaches_the_head(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    """Processes add up their gradients: one without the head's would leave the others waiting."""
    model = training_bert()
    last = whole_batch(tokenizer, replace(CONFIG, mlm_share=0.25)).split(4)[1]
    vectors, loss = read_masked(model, last)
    loss.backward()
    assert (last.hidden, loss.item(), vectors.shape) == (0, 0.0, (0, 32))
    head = [weights.grad for weights in model.cls.parameters()]
    assert all(gradient is not None and not gradient.any() for gradient in head)


def test_passages_without_a_word_leave_training_finite(tokenizer: PreTrainedTokenizerFast) -> None:
    model = training_bert()
    batcher = Batcher(tokenizer, passage_tokens=16, mask_probability=0.3)
    batch = batcher.batch([Pair("a", "", ""), Pair("b", "", "")], seed=0)
    config = replace(CONFIG, batch_size=2)
    Stepper(model, config, Accelerator()).run(1, Parts([batch], torch.zeros(2, 2).bool(), None))
    assert all(gradient.isfinite().all() for gradient in gradients(model).values())


def test_passages_are_pooled_without_their_padding(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    batcher = Batcher(tokenizer, passage_tokens=16, mask_probability=0.3)
    tokens = batcher.tokens(["red cat", games(1)[0].description])
    short = {name: tensor[:1, :4] for name, tensor in tokens.items()}
    alone = pool(bert.bert(**short).last_hidden_state, short["attention_mask"])
    torch.testing.assert_close(embed(bert, tokens)[:1], alone, atol=1e-5, rtol=0)


def test_the_teachers_loss_matches_a_plain_loop() -> None:
    anchors, positives, targets = (unit_rows(5, 8, seed=seed) for seed in (0, 1, 2))
    cosines = [float((anchors[i] @ targets[i] + positives[i] @ targets[i]) / 2) for i in range(5)]
    found = teacher_loss(Views(anchors, positives, torch.zeros(())), targets)
    assert found.item() == pytest.approx(sum(1 - cosine for cosine in cosines), abs=1e-5)
    none = teacher_loss(Views(targets, targets, torch.zeros(())), targets)
    assert none.item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("count", [2, 7])
def test_isotropy_matches_a_plain_loop(count: int) -> None:
    rows = unit_rows(count, 6, seed=count)
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j]
    cosines = [float(rows[i] @ rows[j]) for i, j in pairs]
    apart = [float((row - rows.mean(dim=0)).square().sum()) for row in rows]
    spread, cosine = isotropy(rows)
    assert cosine == pytest.approx(sum(cosines) / len(cosines), abs=1e-5)
    assert spread == pytest.approx((sum(apart) / count) ** 0.5, abs=1e-5)


def test_equal_rows_have_no_spread_and_opposite_ones_have_all() -> None:
    row = unit_rows(1, 6, seed=0)
    assert isotropy(row.repeat(4, 1)) == pytest.approx((0, 1), abs=1e-3)
    assert isotropy(torch.cat([row, -row])) == pytest.approx((1, -1), abs=1e-5)


def test_a_seed_is_a_function_of_its_facts_alone() -> None:
    assert derived_seed(0, "train", 1, 0) == 3087942495685849207
    seeds = {derived_seed(*facts) for facts in [(0, 1), (1, 0), (0, "1"), (0, 1, 0), ("a",)]}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
