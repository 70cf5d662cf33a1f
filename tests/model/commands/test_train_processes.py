"""Real trainings: one that is killed and resumed, and one that two processes share."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model.encoder import load_encoder
from tests.conftest import ROOT
from tests.model.tiny import games, write_games

pytestmark = pytest.mark.slow

ALONE = (sys.executable, "-W", "error", "-m", "model")
TWO = (
    *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
    *("-m", "model"),
)
SMALL = (
    *("--batch-size", "16", "--max-tokens", "32", "--name", "games"),
    *("--set", "passage_tokens=16", "--set", "head_steps=2", "--set", "heldout=0.1"),
    *("--set", "learning_rate=1e-3"),
)


def started(*command: object) -> subprocess.Popen[str]:
    # one thread: tiny matrices are slower on several, and two processes share the machine
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = process.communicate(timeout=300)
    return process.returncode, out, error


@pytest.fixture
def usual(base_folder: Path, tmp_path: Path) -> tuple[object, ...]:
    catalogue = write_games(tmp_path / "games.jsonl", 60)
    return ("train", "--catalogue", catalogue, "--base", base_folder, *SMALL)


def weights(out: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(out / "checkpoint" / "model.safetensors")
    return found


def furthest(left: Path, right: Path) -> float:
    """The largest difference between two weights of the same name."""
    a, b = weights(left), weights(right)
    assert a.keys() == b.keys()
    return max(float((a[name].float() - b[name].float()).abs().max()) for name in a)


def kill_behind(process: subprocess.Popen[str], curves: Path, *, rows: int) -> None:
    """Kill the process without a warning once so many steps are in its curves."""
    deadline = monotonic() + 240
    while monotonic() < deadline and process.poll() is None:
        if curves.is_file() and curves.read_bytes().count(b"\n") > rows:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return
        sleep(0.005)
    pytest.fail(f"no step {rows} before the end: {ended(process)}")


def test_a_killed_run_is_resumed_to_the_weights_of_an_unbroken_one(
    usual: tuple[object, ...], tmp_path: Path
) -> None:
    """Bit for bit: the tolerance is none."""
    long = (*usual, "--steps", "100", "--set", "save_every=5")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert ended(started(*ALONE, *long, "--out", whole))[::2] == (0, "")
    kill_behind(started(*ALONE, *long, "--out", cut), cut / "curves.csv", rows=12)
    assert (cut / "state.pt").is_file()
    assert not (cut / "checkpoint").exists()
    code, out, error = ended(started(*ALONE, *long, "--out", cut, "--resume"))
    assert (code, error) == (0, "")
    assert f"{cut}: resumed behind step " in out
    assert furthest(whole, cut) == 0
    assert (whole / "curves.csv").read_text() == (cut / "curves.csv").read_text()
    assert (whole / "curves.png").is_file()
    assert not (cut / "state.pt").exists()


def test_two_processes_end_with_the_weights_of_one(
    usual: tuple[object, ...], tmp_path: Path
) -> None:
    """The same chunks, shared out: within 1e-5, dropout and all."""
    chunked = (*usual, "--steps", "6", "--set", "chunk_size=8", "--set", "save_every=3")
    for start, name in ((ALONE, "one"), (TWO, "two")):
        code, out, error = ended(started(*start, *chunked, "--out", tmp_path / name))
        assert code == 0, error
        assert out.count("60 records kept") == 1  # two do not say it twice
    assert furthest(tmp_path / "one", tmp_path / "two") <= 1e-5
    rows = [(tmp_path / name / "curves.csv").read_text().splitlines() for name in ("one", "two")]
    assert [len(each) for each in rows] == [7, 7]
    numbers = [[[float(x) for x in row.split(",")] for row in each[1:]] for each in rows]
    np.testing.assert_allclose(numbers[0], numbers[1], atol=1e-4)


def test_the_same_command_runs_alone_and_on_two_processes(
    usual: tuple[object, ...], tmp_path: Path
) -> None:
    """No chunk_size: each process reads its half at once; without dropout it changes nothing."""
    plain = (*usual, "--steps", "6", "--set", "dropout=0", "--set", "head_steps=0")
    vectors = []
    for start, name in ((ALONE, "one"), (TWO, "two")):
        code, _, error = ended(started(*start, *plain, "--out", tmp_path / name))
        assert code == 0, error
        encoder, _ = load_encoder(tmp_path / name / "checkpoint")
        vectors.append(encoder.encode([record.text for record in games(20)]))
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-3)


def test_two_processes_refuse_a_batch_that_they_cannot_share(
    usual: tuple[object, ...], tmp_path: Path
) -> None:
    code, out, error = ended(started(*TWO, *usual, "--batch-size", "15", "--out", tmp_path / "out"))
    assert code != 0
    assert "batch_size is 15; it must be a multiple of the 2 processes" in out + error
    assert not (tmp_path / "out").exists()
