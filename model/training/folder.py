"""A run's folder: what was asked for, how it went, and where to go on after a kill.

config.json (settings, data, versions), curves.csv and curves.png, state.pt while the run lasts,
checkpoint/ when it is done.
"""

import csv
import json
import os
import pickle
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model.checkpoint import CheckpointError, refuse_occupied
from model.training.step import StepReport

CHECKPOINT = "checkpoint"
_CONFIG = "config.json"
_STATE = "state.pt"
_CURVES = "curves.csv"
_LIBRARIES = ("accelerate", "numpy", "pytorch-metric-learning", "tokenizers", "torch")
_COLUMNS = [field.name for field in fields(StepReport)]


class RunFolder:
    """The files of one run. Every file but the curves appears whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def checkpoint(self) -> Path:
        """Where the trained checkpoint goes."""
        return self.path / CHECKPOINT

    @property
    def curves(self) -> Path:
        """The steps as CSV, a column for each field of `StepReport`."""
        return self.path / _CURVES

    @property
    def picture(self) -> Path:
        """The curves as a PNG."""
        return self.path / "curves.png"

    def start(self, facts: Mapping[str, Any]) -> None:
        """Begin a new run. Raises `CheckpointError` when the folder holds something."""
        if self._state.is_file() and not self.checkpoint.exists():
            raise CheckpointError(
                f"{self.path} holds an unfinished run; add --resume to go on with it, or remove it"
            )
        refuse_occupied(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        _write_whole(self.path / _CONFIG, lambda place: place.write_text(_json(facts), "utf-8"))
        with self.curves.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerow(_COLUMNS)

    def resume(self, facts: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the saved state, its tensors on the processor; none if no step was reached.

        Raises `CheckpointError` when it belongs to other settings or cannot be read.
        """
        if self.checkpoint.exists():
            raise CheckpointError(f"{self.path}: this run is finished; see {self.checkpoint}")
        try:
            before = json.loads((self.path / _CONFIG).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{self.path}: no run to resume here: {error}") from error
        now = json.loads(_json(facts))
        for name in ("settings", "data", "base"):
            if before.get(name) != now[name]:
                raise CheckpointError(
                    f"{self.path}: cannot resume with another {name}: the run has "
                    f"{_difference(before.get(name), now[name])}; give the options of its start"
                )
        return self._load()

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep what is needed to go on from here."""
        _write_whole(self._state, lambda place: torch.save(dict(state), place))

    def finish(self) -> None:
        """Drop the state: the checkpoint is written."""
        self._state.unlink(missing_ok=True)

    def append(self, report: StepReport) -> None:
        """Add a step to the curves."""
        with self.curves.open("a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, _COLUMNS, lineterminator="\n").writerow(asdict(report))

    def cut_curves(self, step: int) -> None:
        """Drop the steps behind `step`: a resumed run draws them again."""
        with self.curves.open(newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.reader(stream) if len(row) == len(_COLUMNS)]
        kept = rows[:1] + [row for row in rows[1:] if int(row[0]) <= step]
        text = "".join(",".join(row) + "\n" for row in kept)
        _write_whole(self.curves, lambda place: place.write_text(text, encoding="utf-8"))

    @property
    def _state(self) -> Path:
        return self.path / _STATE

    def _load(self) -> dict[str, Any] | None:
        if not self._state.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self._state, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
            reason = " ".join(str(error).split())  # torch writes several lines
            raise CheckpointError(
                f"{self._state}: damaged state, remove the folder and start again: {reason}"
            ) from error
        return state


def _write_whole(place: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write another file, then put it in place: whole, or not at all."""
    temporary = place.with_name(f".{place.name}.new")
    fill(temporary)
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.replace(place)


def write_array(place: Path, rows: NDArray[np.float32]) -> None:
    """Write an array that `np.load` reads: whole, or not at all."""

    def fill(new: Path) -> None:
        with new.open("wb") as stream:  # given a path, numpy would add to its name
            np.save(stream, rows)

    _write_whole(place, fill)


def versions() -> dict[str, str]:
    """Return the versions that a run's figures depend on."""
    found = {name: version(name) for name in (*_LIBRARIES, "transformers")}
    return {"python": platform.python_version(), **found}


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def _difference(before: Any, now: Any) -> str:
    if not isinstance(before, dict) or not isinstance(now, dict):
        return f"{before!r}, not {now!r}"
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {before.get(name)!r}, not {now.get(name)!r}" for name in names)
