"""The folder of published generations: one pointer file, replaced in one step."""

import re
import shutil
from pathlib import Path
from uuid import uuid4

import structlog
from filelock import FileLock

from app.index.generation import (
    Generation,
    GenerationError,
    build_generation,
    load_generation,
    sync,
)
from app.types import Matrix

_CURRENT, _PREFIX, _TEMPORARY = "CURRENT", "gen-", "tmp-"

log = structlog.get_logger(__name__)


class Shelf:
    """The generations of one encoder in one data folder. Processes that publish take turns."""

    def __init__(self, folder: Path, *, encoder_id: str, dimension: int) -> None:
        self._folder = folder / re.sub(r"[^\w.-]", "_", encoder_id)
        self._encoder_id = encoder_id
        self._dimension = dimension

    def current(self) -> str | None:
        """Return the name of the current generation, None before the first."""
        try:
            name = (self._folder / _CURRENT).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return name if name.startswith(_PREFIX) and Path(name).name == name else None

    def load(self, name: str) -> Generation | None:
        """Load a generation; None, and a log line, when it is missing, damaged or another's."""
        try:
            return load_generation(
                self._folder / name, encoder_id=self._encoder_id, dimension=self._dimension
            )
        except GenerationError as error:
            log.warning("generation_unusable", reason=str(error), remedy="a new one is built")
            return None

    def publish(self, vectors: Matrix, hashes: list[str], *, sequence: int) -> str:
        """Build a generation and make it the current one; return its name.

        Whatever happens on the way, the pointer names a complete generation or the one before.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / "publish.lock"):
            name = f"{_PREFIX}{sequence:012d}-{uuid4().hex[:8]}"
            temporary = self._folder / f"{_TEMPORARY}{name}"
            building = temporary / name
            self._sweep()
            building.mkdir(parents=True)
            try:
                manifest = build_generation(
                    building, vectors, hashes, encoder_id=self._encoder_id, sequence=sequence
                )
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
            before = self.current()
            building.rename(self._folder / name)
            temporary.rmdir()
            self._point_at(name)
            self._retire(keep={name, before})
        log.info(
            "generation_published",
            name=name,
            count=manifest.count,
            recall_at_10=manifest.recall_at_10,
        )
        return name

    def _point_at(self, name: str) -> None:
        temporary = self._folder / f"{_TEMPORARY}{_CURRENT}"
        temporary.write_text(name, encoding="utf-8")
        sync(temporary)
        temporary.replace(self._folder / _CURRENT)
        sync(self._folder)

    def _sweep(self) -> None:
        """Remove what a killed build left; the lock is held."""
        for leftover in self._folder.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def _retire(self, keep: set[str | None]) -> None:
        """Remove old generations, but not the last one: another process may be loading it."""
        for old in self._folder.glob(f"{_PREFIX}*"):
            if old.name not in keep:
                shutil.rmtree(old, ignore_errors=True)
