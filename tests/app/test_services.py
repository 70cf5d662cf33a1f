"""Services below HTTP: resuming imports, catching up with a new model, several processes."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import monotonic, sleep

import pytest

from app.embedding import TransformerEmbedder
from app.errors import ItemNotEmbedded, Overloaded, StoreUnavailable
from app.fakes import HashingEmbedder
from app.services.container import Services
from app.settings import Settings
from app.types import ImportState
from app.wiring import CatchUp, load_demo
from model.rows import Row
from tests.app.builders import build_services, item, jsonl


def rows(count: int) -> Iterator[Row]:
    """Good rows, and one bad one."""
    for n in range(1, count + 1):
        fields = {"id": f"i{n}", "title": f"item {n}"} if n != 5 else {"id": "bad"}
        yield Row(n, fields)


def test_an_interrupted_import_goes_on_behind_the_last_chunk(services: Services) -> None:
    first = services.imports.begin("digest", "f.csv")
    for _ in islice(services.imports.run(rows(1100), first), 2):
        pass
    resumed = services.imports.begin("digest", "f.csv")
    assert resumed.next_line == 1025
    last: ImportState = resumed
    for progress in services.imports.run(rows(1100), resumed):
        last = progress.state
    assert (last.created, last.refused, last.finished) == (1099, 1, True)
    assert [refusal.line for refusal in services.imports.refusals(last.id)] == [5]
    assert services.catalogue.count() == 1099


def test_a_new_model_catches_up_without_losing_items(settings: Settings) -> None:
    old = build_services(settings)
    for n in range(5):
        old.catalogue.put(item(f"i{n}"))
    old.close()
    new = build_services(settings, HashingEmbedder(encoder_id="hashing-2"))
    with pytest.raises(ItemNotEmbedded):
        new.similar.by_item("i0", 3)
    catch_up = CatchUp(new.catalogue, new.index)  # type: ignore[arg-type]  # it is a LiveIndex
    deadline = monotonic() + 20
    while new.index.status().not_embedded and monotonic() < deadline:
        sleep(0.01)
    catch_up.close()
    assert len(new.similar.by_item("i0", 10).neighbours) == 4
    assert new.index.status().not_embedded == 0
    new.close()


def test_going_back_to_the_old_model_embeds_nothing(lite: Settings) -> None:
    first = build_services(lite)
    first.catalogue.put(item("a"))
    first.close()
    again = HashingEmbedder()
    services = build_services(lite, again)
    assert services.catalogue.embed_some() == 0
    assert again.embedded == []
    services.close()


def test_what_another_process_wrote_is_found_and_what_it_deleted_is_not(settings: Settings) -> None:
    here, there = build_services(settings), build_services(settings)
    for n in range(4):
        here.catalogue.put(item(f"i{n}", description="the same few words"))
    assert len(there.similar.by_item("i0", 10).neighbours) == 3
    here.catalogue.delete("i1")
    found = there.similar.by_item("i0", 10).neighbours
    assert [neighbour.item.id for neighbour in found] == ["i2", "i3"]
    here.close()
    there.close()


def test_the_demo_is_loaded_once(lite: Settings, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "demo.jsonl", [{"id": "a", "title": "A"}, {"id": "b", "title": "B"}])
    services = build_services(lite)
    load_demo(services.imports, file)
    services.catalogue.delete("a")
    load_demo(services.imports, file)
    assert [found.id for found in services.catalogue.page(None, 10).items] == ["b"]
    services.close()


def test_a_full_queue_is_refused_at_once() -> None:
    class Stuck:
        dimension, max_tokens = 4, 8

    embedder = TransformerEmbedder(Stuck(), "stuck", queue=1)  # type: ignore[arg-type]  # a fake
    embedder._places.acquire()
    with pytest.raises(Overloaded):
        embedder.embed(["x"])
    embedder.close()


def test_a_database_that_blinks_loses_nothing_of_the_index(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("gone")

    services.catalogue.put(item("before"))
    log = services.index._log  # type: ignore[attr-defined]  # it is a LiveIndex
    with monkeypatch.context() as broken:
        broken.setattr(log, "vectors", fail)
        with pytest.raises(StoreUnavailable):
            services.catalogue.put(item("during", description="while it was gone"))
    services.index.refresh()
    assert services.index.status().not_embedded == 0
    assert len(services.similar.by_item("during", 5).neighbours) == 1


def test_what_an_upload_left_is_not_gone_on_with(services: Services) -> None:
    broken_off = services.imports.begin_once("f.csv")
    next(services.imports.run(rows(600), broken_off))
    assert services.imports.begin_once("f.csv").next_line == 1
    assert services.imports.begin("digest", "f.csv").next_line == 1
