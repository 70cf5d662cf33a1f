"""Delta, generation and their merge against a plain exact search."""

from pathlib import Path
from typing import Any

import hnswlib
import numpy as np
import pytest
from sqlalchemy import Engine

from app.index.delta import Delta
from app.index.generation import GenerationError, build_generation, load_generation
from app.index.live import LiveIndex
from app.index.scores import scores
from app.store.items import SqlItemStore
from app.types import Change, Matrix, Vector
from tests.app.builders import item, write

DIMENSION = 16


def unit_rows(count: int, seed: int = 0) -> Matrix:
    """Random unit rows."""
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    unit: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


class Log:
    """A change log in memory."""

    def __init__(self) -> None:
        self.changes: dict[str, Change] = {}
        self.stored: dict[str, Vector] = {}
        self.sequence = 0

    def put(self, item_id: str, text_hash: str, vector: Vector | None = None) -> None:
        """Add or change an item."""
        self.sequence += 1
        self.changes[item_id] = Change(self.sequence, item_id, text_hash)
        if vector is not None:
            self.stored[text_hash] = vector

    def delete(self, item_id: str) -> None:
        """Delete an item."""
        self.sequence += 1
        self.changes[item_id] = Change(self.sequence, item_id, None)

    def changes_since(self, sequence: int) -> list[Change]:
        """As `ChangeLog`."""
        newer = [change for change in self.changes.values() if change.sequence > sequence]
        return sorted(newer, key=lambda change: change.sequence)

    def vectors(self, _: str, hashes: list[str]) -> dict[str, Vector]:
        """As `ChangeLog`."""
        return {h: self.stored[h] for h in hashes if h in self.stored}


def filled(count: int, seed: int = 0) -> Log:
    """A log of `count` items, i0, i1, ..."""
    log = Log()
    for n, row in enumerate(unit_rows(count, seed)):
        log.put(f"i{n}", f"{n:064x}", row)
    return log


def live(log: Log, folder: Path) -> LiveIndex:
    """An index over a log."""
    return LiveIndex(log, folder, encoder_id="e", dimension=DIMENSION)  # type: ignore[arg-type]  # a fake


def exact(log: Log, query: Vector, k: int, exclude: str | None = None) -> list[str]:
    """The slow plain loop."""
    found = []
    for change in log.changes.values():
        if change.text_hash is not None and change.item_id != exclude:
            chord = float(np.linalg.norm(log.stored[change.text_hash].astype(float) - query))
            found.append((round(2 * np.arcsin(min(chord / 2, 1)) / np.pi, 9), change.item_id))
    return [item_id for _, item_id in sorted(found)[:k]]


def test_scores_match_a_plain_loop() -> None:
    query, rows = unit_rows(1, seed=1)[0], unit_rows(20, seed=2)
    plain = [1 - np.arccos(np.dot(row.astype(float), query.astype(float))) / np.pi for row in rows]
    np.testing.assert_allclose(scores(query, rows), plain, atol=1e-6)
    assert scores(query, query[None])[0] == 1.0
    assert scores(query, -query[None])[0] == pytest.approx(0.0, abs=1e-3)


def test_delta_grows_beyond_its_first_block() -> None:
    delta, rows = Delta(DIMENSION), unit_rows(200)
    delta.add({str(n): row for n, row in enumerate(rows)})
    assert len(delta) == 200
    best = max(delta.nearest(rows[150], 5), key=lambda found: found[1])
    assert best == ("150", 1.0)


def test_search_without_a_generation_is_exact(tmp_path: Path) -> None:
    log = filled(50)
    query = unit_rows(1, seed=9)[0]
    assert [hit.id for hit in live(log, tmp_path).search(query, 7)] == exact(log, query, 7)


def test_generation_and_delta_answer_together(tmp_path: Path) -> None:
    log = filled(300)
    index = live(log, tmp_path)
    index.publish()
    for n, row in enumerate(unit_rows(40, seed=3)):
        log.put(f"new{n}", f"new{n:061x}", row)
    for n in range(0, 300, 3):
        log.delete(f"i{n}")
    index.refresh()
    assert (index.status().generation_items, index.status().delta_items) == (300, 40)
    for query in unit_rows(20, seed=4):
        assert [hit.id for hit in index.search(query, 10)] == exact(log, query, 10)


def test_deleting_almost_everything_still_finds_the_rest(tmp_path: Path) -> None:
    log = filled(400)
    index = live(log, tmp_path)
    index.publish()
    for n in range(397):
        log.delete(f"i{n}")
    index.refresh()
    query = unit_rows(1, seed=5)[0]
    assert [hit.id for hit in index.search(query, 10)] == exact(log, query, 3)


def test_many_identical_texts_do_not_hide_the_others(tmp_path: Path) -> None:
    log = filled(100)
    twin = unit_rows(1, seed=6)[0]
    for n in range(500):
        log.put(f"twin{n:03}", "t" * 64, twin)
    index = live(log, tmp_path)
    index.publish()
    assert index.status().generation_items == 101
    assert [hit.id for hit in index.search(twin, 3, exclude="twin000")] == [
        "twin001",
        "twin002",
        "twin003",
    ]
    for n in (0, 50, 99):
        assert index.search(log.stored[f"{n:064x}"], 1)[0].id == f"i{n}"


def test_a_restart_loads_the_generation_and_embeds_nothing(tmp_path: Path) -> None:
    log = filled(120)
    live(log, tmp_path).publish()
    again = live(log, tmp_path).status()
    assert again.generation == (tmp_path / "e" / "CURRENT").read_text()
    assert (again.generation_items, again.delta_items, again.sequence) == (120, 0, 120)
    assert again.generation_recall == 1.0


def test_another_process_sees_changes_and_generations(tmp_path: Path) -> None:
    log = filled(80)
    here, there = live(log, tmp_path), live(log, tmp_path)
    log.put("late", "f" * 64, unit_rows(1, seed=7)[0])
    here.refresh()
    here.publish()
    there.refresh()
    assert there.status() == here.status()
    assert there.status().generation_items == 81


@pytest.mark.parametrize("file", ["graph.bin", "hashes.npy", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_generation_costs_speed_never_answers(
    tmp_path: Path, file: str, damage: str
) -> None:
    log = filled(100)
    live(log, tmp_path).publish()
    (path,) = tmp_path.glob(f"e/gen-*/{file}")
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    elif damage == "truncate":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 0x40
        path.write_bytes(content)
    index = live(log, tmp_path)
    query = unit_rows(1, seed=8)[0]
    assert [hit.id for hit in index.search(query, 10)] == exact(log, query, 10)
    assert index.status().generation is None
    assert index.wants_publishing()
    index.publish()
    assert index.status().generation_items == 100


@pytest.mark.parametrize("pointer", [b"", b"gen-gone", b"../../etc", b"\xff\xfe", b"gen-/../x"])
def test_a_damaged_pointer_costs_speed_never_answers(tmp_path: Path, pointer: bytes) -> None:
    log = filled(70)
    live(log, tmp_path).publish()
    (tmp_path / "e" / "CURRENT").write_bytes(pointer)
    assert live(log, tmp_path).status().delta_items == 70


def test_what_a_killed_build_left_is_swept(tmp_path: Path) -> None:
    log = filled(70)
    index = live(log, tmp_path)
    (tmp_path / "e" / "tmp-gen-killed").mkdir(parents=True)
    (tmp_path / "e" / "tmp-CURRENT").write_text("x")
    for _ in range(4):
        index.publish()
    names = sorted(path.name for path in (tmp_path / "e").iterdir())
    assert [name[:4] for name in names] == ["CURR", "gen-", "gen-", "publ"]


def test_a_failed_save_leaves_the_current_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled(70)
    index = live(log, tmp_path)
    index.publish()
    before = index.status().generation

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        index.publish()
    assert live(log, tmp_path).status().generation == before
    assert not list(tmp_path.glob("e/tmp-gen*"))


def test_a_graph_that_reaches_too_few_is_scanned(tmp_path: Path) -> None:
    class Broken:
        def __init__(self, graph: Any) -> None:
            self.get_items = graph.get_items

        def knn_query(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("Cannot return the results in a contiguous 2D array")

    log = filled(90)
    index = live(log, tmp_path)
    index.publish()
    assert index._generation is not None
    index._generation._graph = Broken(index._generation._graph)
    query = unit_rows(1, seed=10)[0]
    assert [hit.id for hit in index.search(query, 10)] == exact(log, query, 10)


def test_an_item_without_a_vector_joins_when_it_has_one(tmp_path: Path) -> None:
    log = filled(3)
    log.put("later", "a" * 64)
    index = live(log, tmp_path)
    assert index.vector_of("later") is None
    assert index.status().not_embedded == 1
    log.put("later", "a" * 64)  # changed, but not its text: it still waits
    index.refresh()
    assert index.status().not_embedded == 1
    log.put("later", "a" * 64, unit_rows(1, seed=11)[0])
    index.refresh()
    assert index.search(log.stored["a" * 64], 1)[0].id == "later"
    assert index.status().not_embedded == 0


def test_an_empty_catalogue_publishes_nothing(tmp_path: Path) -> None:
    index = live(Log(), tmp_path)
    index.publish()
    assert index.search(unit_rows(1)[0], 5) == []
    assert not list(tmp_path.glob("e/gen-*"))


def test_a_generation_of_another_encoder_is_refused(tmp_path: Path) -> None:
    build_generation(tmp_path, unit_rows(5), list("abcde"), encoder_id="one", sequence=1)
    with pytest.raises(GenerationError, match="encoder_id is 'one'"):
        load_generation(tmp_path, encoder_id="two", dimension=DIMENSION)
    with pytest.raises(GenerationError, match="dimension is 16"):
        load_generation(tmp_path, encoder_id="one", dimension=8)


def test_recall_of_the_manifest_is_that_of_a_plain_comparison(tmp_path: Path) -> None:
    rows = unit_rows(500)
    hashes = [f"{n}" for n in range(500)]
    manifest = build_generation(tmp_path, rows, hashes, encoder_id="e", sequence=1)
    graph = hnswlib.Index(space="ip", dim=DIMENSION)
    graph.load_index(str(tmp_path / "graph.bin"))
    graph.set_ef(128)
    labels, _ = graph.knn_query(rows, k=10)
    truth = np.argsort(-(rows @ rows.T), axis=1)[:, :10]
    hits = [len(set(a.tolist()) & set(b.tolist())) for a, b in zip(labels, truth, strict=True)]
    assert manifest.recall_at_10 == pytest.approx(sum(hits) / 5000, abs=0.02)


def test_the_index_follows_a_real_store(engine: Engine, tmp_path: Path) -> None:
    store = SqlItemStore(engine)
    index = LiveIndex(store, tmp_path, encoder_id="e", dimension=DIMENSION)
    one, two = write(item("one")), write(item("two"))
    vectors = dict(zip((one.text_hash, two.text_hash), unit_rows(2), strict=True))
    store.write("e", [one, two], vectors)
    index.refresh()
    assert [hit.id for hit in index.search(vectors[two.text_hash], 2)] == ["two", "one"]
    store.delete("two")
    index.refresh()
    assert [hit.id for hit in index.search(vectors[two.text_hash], 2)] == ["one"]
