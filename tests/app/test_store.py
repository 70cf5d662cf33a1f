"""Items, vectors and import progress on both databases."""

import threading

import numpy as np
import pytest
from sqlalchemy import Engine, text

from app.errors import ImportConflict, InvalidInput, StartupError, StoreUnavailable
from app.services.keys import Keys
from app.settings import Settings
from app.store.engine import database_url, open_engine, reading
from app.store.imports import SqlImportLog
from app.store.items import SqlItemStore
from app.store.keys import SqlKeyStore
from app.store.migrate import HEAD, migrate, revision
from app.tables import Base
from app.types import FieldError, ImportStep, Outcome, Refusal
from tests.app.builders import item, write
from tests.conftest import ROOT

VECTOR = np.array([1.0, 0.0], dtype=np.float32)


def test_write_tells_created_updated_unchanged(engine: Engine) -> None:
    store = SqlItemStore(engine)
    first = [write(item("a", n=1)), write(item("b"))]
    assert store.write("e", first, {}) == [Outcome.CREATED] * 2
    second = [write(item("a", n=2)), write(item("b")), write(item("c"))]
    outcomes = store.write("e", second, {})
    assert outcomes == [Outcome.UPDATED, Outcome.UNCHANGED, Outcome.CREATED]
    assert store.get("a") == item("a", n=2)


def test_changes_hold_the_newest_state_of_each_item(engine: Engine) -> None:
    store = SqlItemStore(engine)
    store.write("e", [write(item("a")), write(item("b"))], {})
    store.write("e", [write(item("a", "other"))], {})
    store.delete("b")
    changes = store.changes_since(0)
    assert [(c.item_id, c.text_hash is None) for c in changes] == [("a", False), ("b", True)]
    assert store.changes_since(changes[-1].sequence) == []


def test_vectors_come_back_bit_for_bit_and_are_kept(engine: Engine) -> None:
    store = SqlItemStore(engine)
    one = write(item("a"))
    store.write("e", [one], {one.text_hash: VECTOR})
    store.write("e", [write(item("b", "a"))], {one.text_hash: VECTOR * 2})  # the same text
    np.testing.assert_array_equal(store.vectors("e", [one.text_hash])[one.text_hash], VECTOR)
    assert store.vectors("other", [one.text_hash]) == {}
    assert [i.id for i in store.not_embedded("other", 10)] == ["a", "b"]


def test_a_failed_write_leaves_nothing(engine: Engine) -> None:
    store = SqlItemStore(engine)
    twice = [write(item("a")), write(item("a"))]
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        store.write("e", twice, {})
    assert (store.count(), store.changes_since(0)) == (0, [])


def test_eight_writers_lose_nothing_and_skip_no_sequence(engine: Engine) -> None:
    store = SqlItemStore(engine)

    def work(worker: int) -> None:
        for n in range(10):
            store.write("e", [write(item(f"{worker}-{n}"))], {})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    seen = 0
    while any(thread.is_alive() for thread in threads):  # a follower beside them misses nothing
        for change in store.changes_since(seen):
            assert change.sequence == seen + 1
            seen = change.sequence
    assert [c.sequence for c in store.changes_since(0)] == list(range(1, 81))
    assert store.count() == 80


def test_import_progress_and_items_commit_together(engine: Engine) -> None:
    log = SqlImportLog(engine)
    state = log.begin("d", "file.csv")
    refusal = Refusal(2, None, (FieldError("id", "Field required"),))
    after, outcomes = log.commit(ImportStep(state, 4, (refusal,)), "e", [write(item("a"))], {})
    assert outcomes == [Outcome.CREATED]
    assert (after.next_line, after.created, after.refused) == (4, 1, 1)
    assert log.begin("d", "file.csv") == after
    assert log.refusals(state.id) == [refusal]


def test_a_finished_import_is_not_gone_on_with(engine: Engine) -> None:
    log = SqlImportLog(engine)
    state = log.begin("d", "file.csv")
    assert not log.finished("d")
    log.finish(state)
    assert log.finished("d")
    assert log.begin("d", "file.csv").id != state.id


def test_two_processes_importing_one_file_conflict_without_loss(engine: Engine) -> None:
    log = SqlImportLog(engine)
    state = log.begin("d", "file.csv")
    log.commit(ImportStep(state, 3), "e", [write(item("a"))], {})
    with pytest.raises(ImportConflict, match="another process"):
        log.commit(ImportStep(state, 3), "e", [write(item("b"))], {})
    assert SqlItemStore(engine).get("b") is None


def test_keys_are_stored_hashed_and_names_are_unique_while_active(engine: Engine) -> None:
    keys = Keys(SqlKeyStore(engine))
    key = keys.create("admin")
    keys.check(key)
    with reading(engine) as connection:
        stored = str(connection.execute(text("SELECT * FROM api_keys")).all())
    assert key not in stored
    with pytest.raises(InvalidInput, match="admin"):
        keys.create("admin")
    assert keys.revoke("admin")
    assert not keys.revoke("admin")
    assert keys.create("admin") != key


def test_migrations_give_the_tables_that_the_code_expects(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - this test alone
    from alembic.migration import MigrationContext  # noqa: PLC0415

    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_leads_to_the_newest_file_and_again_changes_nothing(engine: Engine) -> None:
    newest = max(path.name for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
    assert newest.startswith(f"{HEAD}_")
    migrate(engine)
    assert revision(engine) == HEAD


def test_a_database_of_a_newer_release_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StartupError, match="newer release"):
        migrate(engine)


def test_a_database_that_does_not_answer_is_a_clear_error(lite: Settings) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    with pytest.raises(StoreUnavailable, match="not available"):
        migrate(open_engine(lite.model_copy(update={"database_url": url})))


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite+nothing://"])
def test_a_url_of_no_use_is_named(lite: Settings, url: str) -> None:
    with pytest.raises(StartupError, match="DATABASE_URL"):
        open_engine(lite.model_copy(update={"database_url": url}))


def test_settings_take_both_names_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@h/d")
    url = database_url(Settings()).render_as_string(hide_password=False)
    assert url == "postgresql+psycopg://u:p@h/d"
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("METRICBERT_DATABASE_URL", "postgresql://h/e")
    assert str(database_url(Settings())) == "postgresql+psycopg://h/e"
