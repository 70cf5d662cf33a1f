"""One immutable, published HNSW index: a folder with graph, hashes and manifest.

hnswlib is quick and it is no store: it does not report a failed save, loads damaged bytes without
complaint and resets `ef` on load. So the graph is read back and measured before it is published,
its digest is checked before every load, and a query that the graph cannot answer is scanned.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import hnswlib
import numpy as np
import structlog

from app.index.scores import nearest, scores
from app.types import Matrix, Vector

FORMAT_VERSION = 1
GRAPH, HASHES, MANIFEST = "graph.bin", "hashes.npy", "manifest.json"
M, EF_CONSTRUCTION, EF = 16, 200, 128
_METRIC = "ip"  # on unit vectors: the order of the angular distance
_SAMPLE, _K = 200, 10

log = structlog.get_logger(__name__)


class GenerationError(Exception):
    """The folder holds no generation that can be used here; the message says why."""


@dataclass(frozen=True)
class GenerationManifest:
    """What a generation says of itself; sequence: the last change that it holds."""

    name: str
    encoder_id: str
    dimension: int
    count: int
    sequence: int
    recall_at_10: float
    sha256: dict[str, str]
    metric: str = _METRIC
    m: int = M
    ef_construction: int = EF_CONSTRUCTION
    format_version: int = FORMAT_VERSION


class Generation:
    """A loaded generation. Any number of threads may search it at once."""

    def __init__(self, manifest: GenerationManifest, graph: Any, hashes: Sequence[str]) -> None:
        self.manifest = manifest
        self._graph = graph
        self._hashes = hashes
        self._row_of = {text_hash: row for row, text_hash in enumerate(hashes)}

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, text_hash: str) -> bool:
        return text_hash in self._row_of

    def vector(self, text_hash: str) -> Vector | None:
        """Return a vector by hash."""
        row = self._row_of.get(text_hash)
        return None if row is None else self._vectors([row])[0]

    def nearest(self, query: Vector, count: int) -> Sequence[tuple[str, float]]:
        """Return (hash, score) of about the `count` nearest texts, in no order."""
        rows = self._nearest_rows(query, min(count, len(self)))
        found = scores(query, self._vectors(rows))
        return [(self._hashes[row], float(score)) for row, score in zip(rows, found, strict=True)]

    def _nearest_rows(self, query: Vector, count: int) -> list[int]:
        try:
            labels, _ = self._graph.knn_query(query, k=count, num_threads=1)
        except RuntimeError as error:  # fewer than `count` rows can be reached in the graph
            log.warning("index_fallback", generation=self.manifest.name, reason=str(error))
            labels = [nearest(query, self._vectors(range(len(self))), count)]
        return [int(row) for row in labels[0]]

    def _vectors(self, rows: Sequence[int]) -> Matrix:
        vectors: Matrix = self._graph.get_items(list(rows), return_type="numpy")
        return vectors


def build_generation(
    folder: Path, vectors: Matrix, hashes: Sequence[str], *, encoder_id: str, sequence: int
) -> GenerationManifest:
    """Write a generation of `vectors` (n >= 1 unit rows, row i of hashes[i]) into `folder`.

    The recall in the manifest is measured on the file as it was read back. Raises `OSError` when
    the folder cannot be written, `GenerationError` when what was written cannot be read.
    """
    count, dimension = vectors.shape
    graph = hnswlib.Index(space=_METRIC, dim=dimension)
    graph.init_index(max_elements=count, M=M, ef_construction=EF_CONSTRUCTION, random_seed=1)
    graph.add_items(vectors, np.arange(count))
    graph.save_index(str(folder / GRAPH))
    np.save(folder / HASHES, np.array(hashes, dtype="S64"))
    written = (folder / GRAPH).stat().st_size
    if written != graph.index_file_size():
        raise OSError(f"{GRAPH}: {written} of {graph.index_file_size()} bytes written; disk full?")
    manifest = GenerationManifest(
        name=folder.name,
        encoder_id=encoder_id,
        dimension=dimension,
        count=count,
        sequence=sequence,
        recall_at_10=_measured_recall(_load_graph(folder, dimension, count), vectors),
        sha256={name: _sha256(folder / name) for name in (GRAPH, HASHES)},
    )
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2), encoding="utf-8")
    for path in (*folder.iterdir(), folder):
        sync(path)
    return manifest


def load_generation(folder: Path, *, encoder_id: str, dimension: int) -> Generation:
    """Load a published generation after checking it. Raises `GenerationError`."""
    try:
        manifest = GenerationManifest(**json.loads((folder / MANIFEST).read_text("utf-8")))
        _check(folder, manifest, encoder_id, dimension)
        hashes = [text.decode() for text in np.load(folder / HASHES, allow_pickle=False).tolist()]
    except (AttributeError, OSError, ValueError, TypeError) as error:
        raise GenerationError(f"{folder.name}: {error}") from error
    if len(hashes) != manifest.count:
        raise GenerationError(f"{folder.name}: {len(hashes)} hashes, {manifest.count} expected")
    return Generation(manifest, _load_graph(folder, dimension, manifest.count), hashes)


def _check(folder: Path, manifest: GenerationManifest, encoder_id: str, dimension: int) -> None:
    expected = {
        "format_version": FORMAT_VERSION,
        "encoder_id": encoder_id,
        "dimension": dimension,
        "metric": _METRIC,
    }
    for name, value in expected.items():
        if getattr(manifest, name) != value:
            raise GenerationError(
                f"{folder.name}: {name} is {getattr(manifest, name)!r}, {value!r} is needed"
            )
    for name in (GRAPH, HASHES):
        if _sha256(folder / name) != manifest.sha256.get(name):
            raise GenerationError(f"{folder.name}: {name} is damaged (SHA-256 differs)")


def _load_graph(folder: Path, dimension: int, count: int) -> Any:
    graph = hnswlib.Index(space=_METRIC, dim=dimension)
    try:
        graph.load_index(str(folder / GRAPH), max_elements=count)
    except RuntimeError as error:
        raise GenerationError(f"{folder.name}: {GRAPH} does not load: {error}") from error
    if graph.get_current_count() != count:
        raise GenerationError(f"{folder.name}: the graph holds {graph.get_current_count()} rows")
    graph.set_ef(EF)
    return graph


def _measured_recall(graph: Any, vectors: Matrix) -> float:
    """Return the share of the true 10 nearest that the graph finds, over at most 200 queries."""
    k = min(_K, len(vectors))
    queries = np.random.default_rng(0).permutation(len(vectors))[:_SAMPLE]
    hits = 0
    for query in vectors[queries]:
        exact = vectors @ query
        worst = np.partition(exact, -k)[-k]
        try:
            labels, _ = graph.knn_query(query, k=k)
        except RuntimeError:  # too few rows in reach: these count as missed
            continue
        # by value, not by label: twins at the same distance are equally right
        hits += int((exact[labels[0].astype(np.int64)] >= worst - 1e-6).sum())
    return round(hits / (k * len(queries)), 4)


def sync(path: Path) -> None:
    """Force a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
