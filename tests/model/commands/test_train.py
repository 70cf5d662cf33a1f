import csv
import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import BertForMaskedLM

from model.checkpoint import read_manifest
from model.config import EncoderConfig, TrainConfig
from model.encoder import Encoder, load_encoder
from model.training.folder import RunFolder
from tests.model.commands.conftest import Command, refused
from tests.model.tiny import games, tiny_bert, tiny_tokenizer, write_games, write_jsonl

HELD = "held-out items (2), per cent"


def settings(folder: Path) -> dict[str, Any]:
    facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = facts["settings"]
    return found


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "curves.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_run_folder_holds_all_that_was_asked_for(train: Command, tmp_path: Path) -> None:
    code, lines = train()
    assert (code, lines[0]) == (0, "games.jsonl: 24 records kept, 0 dropped")
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        *("config.json", "curves.csv", "curves.png", "checkpoint"),
    }
    facts = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert TrainConfig(**{**facts["settings"], "tags": ()}).steps == 4
    assert facts["versions"]["torch"] == torch.__version__
    assert facts["data"].keys() == {"catalogue", "sha256", "records", "trained on", "held out"}
    assert facts["command"][:4] == ["python", "-m", "model", "train"]
    assert [row["step"] for row in curve(out)] == ["1", "2", "3", "4"]
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_a_run_ends_in_a_checkpoint_with_figures_and_card(train: Command, tmp_path: Path) -> None:
    train()
    place = tmp_path / "out" / "checkpoint"
    encoder, manifest = load_encoder(place)
    assert (manifest.max_tokens, manifest.max_windows) == (32, 1)
    assert encoder.encode(["red cat"]).shape == (1, 32)
    assert (manifest.config["steps"], manifest.config["variant"]) == (4, "metricbert")
    assert (manifest.data["trained on"], manifest.data["held out"]) == (22, 2)
    figures = manifest.metrics[HELD]
    assert list(figures) == ["before", "after the head's warm-up", "after"]
    assert figures["before"].keys() == figures["after"].keys() >= {"passage MRR"}
    card = (place / "README.md").read_text(encoding="utf-8")
    assert all(word in card for word in (manifest.encoder_id, "games.jsonl", "passage MRR"))


def test_a_run_from_a_checkpoint_names_it_by_its_id(
    train: Command, checkpoint: Path, tmp_path: Path
) -> None:
    code, _ = train("--base", checkpoint)
    before = read_manifest(checkpoint).encoder_id
    assert code == 0
    assert read_manifest(tmp_path / "out" / "checkpoint").base_model == f"{before}, from none"


def test_the_same_command_twice_gives_the_same_encoder(train: Command, tmp_path: Path) -> None:
    ids = []
    for place in ("first", "again"):
        train("--out", tmp_path / place, "--name", "games")
        ids.append(read_manifest(tmp_path / place / "checkpoint").encoder_id)
    assert ids[0] == ids[1]


def test_later_settings_win_over_options_and_those_over_the_variant(
    train: Command, tmp_path: Path
) -> None:
    more = ("--set", "steps=2", "--set", "margin=0.3", "--set", "margin=0.4", "--seed", "7")
    code, _ = train("--variant", "multiple-negatives", *more)
    found = settings(tmp_path / "out")
    assert code == 0
    assert (found["steps"], found["margin"], found["seed"]) == (2, 0.4, 7)
    assert (found["metric"], found["metric_weight"]) == ("multiple-negatives", 1.0)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--catalogue", "none.jsonl", ["none.jsonl: No such file"]),
        ("--catalogue", "notes.txt", ["notes.txt: unknown file type"]),
        ("--base", "/no/such/base", ["base model '/no/such/base' does not load"]),
        ("--variant", "best", ["unknown variant 'best'", "metricbert"]),
        ("--steps", "0", ["steps is 0"]),
        ("--batch-size", "1", ["batch_size is 1"]),
        ("--batch-size", "99", ["22 records", "batch of 99", "--batch-size 11"]),
        ("--set", "margin=nan", ["margin is nan"]),
        ("--set", "pace=3", ["unknown setting 'pace'"]),
        ("--set", "tags=year:1", ["no record has a value in column 'year'"]),
        ("--set", "patience=2", ["patience is 2", "evaluate_every"]),
        ("--max-tokens", "4", ["max_tokens is 4"]),
        ("--max-windows", "99", ["max_windows is 99"]),
        ("--precision", "float8", ["precision is 'float8'"]),
        ("--seed", str(2**70), ["seed is"]),
    ],
)
def test_a_wrong_option_is_one_line_and_leaves_no_folder(
    option: str, value: str, words: list[str], train: Command, tmp_path: Path
) -> None:
    refused(train(option, value), *words)
    assert not (tmp_path / "out").exists()


def test_a_measure_without_held_out_items_is_refused(train: Command, tmp_path: Path) -> None:
    result = train("--set", "heldout=0", "--set", "evaluate_every=2")
    refused(result, "no item of 24 is held out, but evaluate_every is 2", "raise heldout (0.0)")
    assert not (tmp_path / "out").exists()


def test_a_run_without_held_out_items_has_no_figures(train: Command, tmp_path: Path) -> None:
    code, _ = train("--set", "heldout=0")
    assert code == 0
    manifest = read_manifest(tmp_path / "out" / "checkpoint")
    assert manifest.metrics["held-out items (0), per cent"]["after"] == {}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_catalogue_too_small_to_train_on_is_one_line(
    count: int, train: Command, tmp_path: Path
) -> None:
    result = train("--catalogue", write_games(tmp_path / "few.jsonl", count))
    refused(result, "few.jsonl", f"{count} records kept", "at least 3")


def test_an_occupied_target_is_one_line_and_stays_as_it_is(train: Command, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    refused(train(), str(tmp_path / "out"), "already exists")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_target_that_cannot_be_written_is_one_line(train: Command, games_file: Path) -> None:
    refused(train("--out", games_file / "out"), str(games_file))  # a folder inside a file


def interrupt(monkeypatch: pytest.MonkeyPatch, *, at: int) -> None:
    """End the next run as a kill does: behind step `at`, with the last state on disk."""
    saved = RunFolder.append

    def append(folder: RunFolder, report: Any) -> None:
        saved(folder, report)
        if report.step == at:
            monkeypatch.setattr(RunFolder, "append", saved)
            raise OSError("killed")

    monkeypatch.setattr(RunFolder, "append", append)


def weights(folder: Path) -> bytes:
    return (folder / "checkpoint" / "model.safetensors").read_bytes()


def test_a_run_that_was_cut_short_goes_on_to_the_same_weights(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train("--out", tmp_path / "whole", "--name", "games")
    interrupt(monkeypatch, at=3)
    refused(train("--name", "games"), "killed")
    refused(train("--name", "games"), "holds an unfinished run; add --resume")
    code, lines = train("--name", "games", "--resume")
    assert code == 0
    assert f"{tmp_path / 'out'}: resumed behind step 2" in lines
    assert weights(tmp_path / "out") == weights(tmp_path / "whole")
    assert curve(tmp_path / "out") == curve(tmp_path / "whole")
    manifests = [read_manifest(tmp_path / name / "checkpoint") for name in ("out", "whole")]
    assert manifests[0].metrics == manifests[1].metrics


def test_a_run_goes_on_with_what_it_began_with_alone(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, games_file: Path
) -> None:
    interrupt(monkeypatch, at=3)
    train()
    refused(train("--resume", "--seed", "1"), "another settings: the run has seed 0, not 1; give")
    other = write_games(tmp_path / "more.jsonl", 25)
    refused(train("--resume", "--catalogue", other), "another data", "'games.jsonl'", "more.jsonl")
    with games_file.open("a") as stream:
        stream.write('{"id": "new", "title": "New", "description": "Not there before."}\n')
    refused(train("--resume"), "another data", "sha256")


def test_a_truncated_state_is_one_line(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(monkeypatch, at=3)
    train()
    state = tmp_path / "out" / "state.pt"
    state.write_bytes(state.read_bytes()[:5000])
    refused(train("--resume"), "state.pt: damaged state, remove the folder and start again")


def test_a_finished_run_is_not_resumed(train: Command) -> None:
    train()
    refused(train("--resume"), "this run is finished", "checkpoint")


def test_a_run_stops_early_and_says_which_weights_it_kept(train: Command, tmp_path: Path) -> None:
    still = ("--set", "learning_rate=1e-12", "--set", "head_learning_rate=1e-12")
    code, lines = train("--set", "evaluate_every=1", "--set", "patience=2", *still)
    assert code == 0
    assert len(curve(tmp_path / "out")) == 3  # the first is the best, two more are no better
    assert any(line.startswith("best passage MRR: ") for line in lines)
    assert any(line.endswith(" behind step 1, whose weights are kept") for line in lines)


def test_a_collapsed_run_explains_itself_and_shows_its_curves(
    train: Command, base_folder: Path, tmp_path: Path
) -> None:
    model = BertForMaskedLM.from_pretrained(base_folder)
    words = model.bert.embeddings.word_embeddings.weight
    words.data[:] = 5 * torch.randn(32, generator=torch.Generator().manual_seed(0))  # all the same
    model.save_pretrained(tmp_path / "flat")
    tiny_tokenizer().save_pretrained(tmp_path / "flat")
    still = ("--set", "learning_rate=1e-9", "--set", "dropout=0", "--set", "head_steps=0")
    result = train("--base", tmp_path / "flat", "--steps", "40", *still)
    refused(result, "step 25: the embeddings collapsed", "Lower learning_rate")
    assert len(curve(tmp_path / "out")) == 25
    assert (tmp_path / "out" / "curves.png").stat().st_size > 10_000
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_a_run_can_end_on_its_way_and_says_so(train: Command, tmp_path: Path) -> None:
    code, lines = train("--stop-at", "3")
    assert code == 0
    assert "ended behind step 3 of 4" in lines
    assert len(curve(tmp_path / "out")) == 3
    assert read_manifest(tmp_path / "out" / "checkpoint").config["ended behind step"] == 3
    code, _ = train("--stop-at", "0", "--out", tmp_path / "other")
    assert code == 2  # a wrong call, as Typer has it


def test_a_teacher_reads_further_columns(train: Command, tmp_path: Path) -> None:
    rows = [
        {"id": r.id, "title": r.title, "description": r.description, "year": 1990 + i}
        for i, r in enumerate(games(24))
    ]
    catalogue = write_jsonl(tmp_path / "years.jsonl", rows)
    more = ("--set", "teacher_weight=5", "--set", "tags=year:0.5")
    code, _ = train("--catalogue", catalogue, *more)
    assert code == 0
    assert np.load(tmp_path / "out" / "teacher.npy").shape == (24, 32)
    assert all(float(row["teacher"]) > 0 for row in curve(tmp_path / "out"))
    assert settings(tmp_path / "out")["tags"] == [["year", 0.5]]


def test_a_teacher_may_start_from_another_model(train: Command, tmp_path: Path) -> None:
    alone = ("--set", "teacher_weight=5", "--set", f"teacher_base={saved(tmp_path / 'other')}")
    assert train(*alone)[0] == 0
    made = np.load(tmp_path / "out" / "teacher.npy")
    texts = [record.text for record in games(24)]
    reader = Encoder(tiny_bert(seed=1).bert, tiny_tokenizer(), EncoderConfig(max_tokens=32))
    vectors = reader.encode(texts)
    np.testing.assert_allclose(made @ made.T, vectors @ vectors.T, atol=1e-4)


def test_a_run_killed_while_it_kept_what_it_read_goes_on(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = np.save

    def half(stream: BinaryIO, vectors: NDArray[np.float32]) -> None:
        save(stream, vectors)
        stream.truncate(100)
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", half)
    assert train("--set", "mined=1")[0] != 0
    monkeypatch.setattr(np, "save", save)
    code, lines = train("--set", "mined=1", "--resume")
    assert (code, lines[-1].split(":")[0]) == (0, str(tmp_path / "out" / "checkpoint"))


@pytest.mark.parametrize("setting", ["mutual=1", "mined=2"])
def test_a_run_may_learn_from_neighbours(train: Command, tmp_path: Path, setting: str) -> None:
    assert train("--out", tmp_path / "alone")[0] == 0
    assert train("--set", setting)[0] == 0
    assert np.load(tmp_path / "out" / "base.npy").shape == (24, 32)
    assert not (tmp_path / "out" / "teacher.npy").exists()
    first, alone = (curve(tmp_path / name)[0]["metric"] for name in ("out", "alone"))
    assert first != alone  # the first step reads other pairs


def test_a_teacher_of_another_width_is_one_line(train: Command, tmp_path: Path) -> None:
    wide = saved(tmp_path / "wide", dimension=48)
    result = train("--set", "teacher_weight=5", "--set", f"teacher_base={wide}")
    refused(result, f"teacher_base is {wide}, of 48 dimensions", "base model, 32")
    assert not (tmp_path / "out").exists()


def saved(folder: Path, *, dimension: int = 32) -> Path:
    tiny_bert(seed=1, dimension=dimension).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def test_both_precisions_train_in_one_process(train: Command, tmp_path: Path) -> None:
    for precision in ("float32", "bfloat16"):
        code, _ = train("--precision", precision, "--out", tmp_path / precision)
        assert code == 0
    assert weights(tmp_path / "float32") != weights(tmp_path / "bfloat16")
