"""Where figures come from: data files and their digests, command line, versions."""

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from model.corpus import file_digest
from model.evaluation.results import Evaluation

_LIBRARIES = ("metricbert", "numpy", "scipy", "scikit-learn", "torch", "transformers")


@dataclass(frozen=True)
class DataFile:
    """A file's name and the SHA-256 of its bytes, in hex."""

    name: str
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "DataFile":
        """Read a file's digest. Raises `OSError`."""
        return cls(path.name, file_digest(path))


@dataclass(frozen=True)
class Origin:
    """What has to be said beside every figure. command: as typed, without the program."""

    files: tuple[DataFile, ...]
    command: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide about figures."""
    found = {"Python": platform.python_version()}
    return found | {name: version(name) for name in _LIBRARIES}


def command_line() -> tuple[str, ...]:
    """Return the arguments that this process was started with."""
    return tuple(sys.argv[1:])


def counts(evaluation: Evaluation) -> str:
    """Return how much was measured: `43 queries, 310 pairs; 1,000 sampled queries; ...`."""
    parts = [f"{evaluation.items:,} items"]
    if evaluation.queries:
        parts.append(f"{evaluation.queries:,} annotated queries, {evaluation.pairs:,} pairs")
    parts.append(f"{evaluation.sampled:,} sampled queries")
    if evaluation.labelled:
        parts[-1] += f", {evaluation.labelled:,} of them with a label"
    return "; ".join(parts)


def caption(evaluation: Evaluation, files: Sequence[DataFile]) -> str:
    """Return the line that stands under every figure."""
    named = ", ".join(f"{file.name} (SHA-256 {file.sha256[:12]}…)" for file in files)
    return f"{named}; {counts(evaluation)}; seed {evaluation.seed}"
