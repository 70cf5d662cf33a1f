from dataclasses import astuple, replace

import pytest
import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from model.batches import Batcher
from model.config import TrainConfig
from model.encoder import pool
from model.pairs import Pair, pair_batches
from model.training import StepReport, TrainingError, embed, losses, masked_loss, train
from tests.model.tiny import games, tiny_bert

CONFIG = TrainConfig(
    steps=3, batch_size=4, passage_tokens=16, learning_rate=1e-2, head_learning_rate=1e-2
)


def run(
    tokenizer: PreTrainedTokenizerFast, config: TrainConfig
) -> tuple[BertForMaskedLM, list[StepReport]]:
    model, reports = tiny_bert(spread=0.02), list[StepReport]()
    torch.seed()  # whatever was drawn before, the run's own seed settles the numbers
    train(model, tokenizer, games(16), config, report=reports.append)
    return model, reports


def changed(left: BertForMaskedLM, right: BertForMaskedLM) -> list[str]:
    pairs = zip(left.named_parameters(), right.parameters(), strict=True)
    return [name for (name, a), b in pairs if not torch.equal(a, b)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_seed_gives_the_same_weights(
    precision: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    config = replace(CONFIG, precision=precision)
    (first, reports), (again, same_reports) = run(tokenizer, config), run(tokenizer, config)
    assert changed(first, again) == []
    assert reports == same_reports


def test_a_run_matches_a_plain_loop(tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_bert(spread=0.02).train()
    torch.manual_seed(CONFIG.seed)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=CONFIG.weight_decay)
    mask = Batcher(tokenizer, passage_tokens=16, mask_probability=0.15, seed=CONFIG.seed)
    batches = pair_batches(games(16), size=4, seed=CONFIG.seed)
    for share, pairs in zip((3 / 3, 2 / 3, 1 / 3), batches, strict=False):
        optimizer.param_groups[0]["lr"] = share * CONFIG.learning_rate
        mlm, metric = losses(model, mask.batch(pairs), CONFIG)
        optimizer.zero_grad()
        (mlm + CONFIG.metric_weight * metric.loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CONFIG.max_grad_norm)
        optimizer.step()
    trained, _ = run(tokenizer, CONFIG)
    torch.testing.assert_close(trained.state_dict(), model.state_dict())


def test_another_seed_gives_other_weights(tokenizer: PreTrainedTokenizerFast) -> None:
    first, other = (run(tokenizer, replace(CONFIG, seed=seed))[0] for seed in (0, 1))
    assert changed(first, other) != []


def test_every_weight_learns(tokenizer: PreTrainedTokenizerFast) -> None:
    model, _ = run(tokenizer, CONFIG)
    names = [name for name, _ in model.named_parameters()]
    assert changed(model, tiny_bert(spread=0.02)) == names


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_both_losses_fall(precision: str, tokenizer: PreTrainedTokenizerFast) -> None:
    _, reports = run(tokenizer, replace(CONFIG, steps=30, batch_size=8, precision=precision))
    for part in ("loss", "mlm", "metric"):
        values = [getattr(report, part) for report in reports]
        assert sum(values[-5:]) < 0.85 * sum(values[:5]), part


def test_each_step_is_reported_once(tokenizer: PreTrainedTokenizerFast) -> None:
    model, reports = run(tokenizer, CONFIG)
    assert [report.step for report in reports] == [1, 2, 3]
    for report in reports:
        assert all(torch.isfinite(torch.tensor(astuple(report))))
        assert report.loss == pytest.approx(report.mlm + 20 * report.metric, rel=1e-5)
    assert not model.training


def test_a_loss_that_is_not_finite_ends_the_run(tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_bert()
    torch.nn.init.constant_(model.bert.embeddings.LayerNorm.weight, float("nan"))
    reports: list[StepReport] = []
    with pytest.raises(TrainingError, match=r"^step 1: the loss is nan"):
        train(model, tokenizer, games(8), CONFIG, report=reports.append)
    assert reports == []


def test_fewer_records_than_a_batch_are_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="3 records cannot fill a batch of 4"):
        train(tiny_bert(), tokenizer, games(3), CONFIG)


def test_titles_and_descriptions_alone_are_enough_to_train_on(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    one_sentence = [replace(record, description=f"{record.title}.") for record in games(8)]
    reports: list[StepReport] = []
    train(tiny_bert(), tokenizer, one_sentence, CONFIG, report=reports.append)
    assert len(reports) == 3


def batcher(tokenizer: PreTrainedTokenizerFast) -> Batcher:
    return Batcher(tokenizer, passage_tokens=16, mask_probability=0.3, seed=0)


def test_the_language_loss_is_that_of_all_logits(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    batch = batcher(tokenizer).batch([Pair("g", g.description, g.title) for g in games(3)])
    logits = bert(**batch.masked).logits  # (3, length, vocabulary)
    plain = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten())
    torch.testing.assert_close(masked_loss(bert, batch.masked, batch.labels), plain)


def test_passages_without_a_word_leave_training_finite(tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_bert()
    batch = batcher(tokenizer).batch([Pair("a", "", ""), Pair("b", "", "")])
    loss = masked_loss(model, batch.masked, batch.labels) + embed(model, batch.anchors).sum()
    loss.backward()
    gradients = [weights.grad for weights in model.parameters() if weights.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_passages_are_pooled_without_their_padding(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    tokens = batcher(tokenizer).tokens(["red cat", games(1)[0].description])
    short = {name: tensor[:1, :4] for name, tensor in tokens.items()}
    alone = pool(bert.bert(**short).last_hidden_state, short["attention_mask"])
    torch.testing.assert_close(embed(bert, tokens)[:1], alone, atol=1e-5, rtol=0)
