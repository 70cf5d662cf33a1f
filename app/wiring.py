"""The real parts, put together: the one module that knows them all."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import structlog
from fastapi import FastAPI
from sqlalchemy import Engine

from app.api.schemas import item_of_row
from app.errors import StartupError
from app.index.follower import STOP_S, Follower
from app.index.live import LiveIndex
from app.logs import configure_logging
from app.main import create_app
from app.ports import Embedder
from app.services.catalogue import Catalogue
from app.services.container import Limits, Services
from app.services.embedding import ItemEmbedding
from app.services.imports import Imports, content_digest
from app.services.keys import Keys
from app.services.similar import SimilarItems
from app.settings import Settings
from app.store.engine import open_engine
from app.store.imports import SqlImportLog
from app.store.items import SqlItemStore
from app.store.keys import SqlKeyStore
from app.store.migrate import migrate
from model.rows import read_rows

log = structlog.get_logger(__name__)

_IDLE_S = 5.0
"""Pause between two looks for items without a vector."""

LoadEmbedder = Callable[[Settings], Embedder]


def serve() -> FastAPI:
    """Return the application for a web server that wants a factory (`uvicorn --factory`)."""
    settings = Settings()
    configure_logging(settings)
    engine = prepare(settings)
    return create_app(lambda: build(settings, engine, load_checkpoint), limits(settings))


def prepare(settings: Settings) -> Engine:
    """Make the data folder, open the database and migrate it.

    Raises `StartupError`, `StoreUnavailable`.
    """
    probe = settings.data_dir / ".writable"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StartupError(
            f"the data folder {settings.data_dir} cannot be written: {error.strerror}; "
            "METRICBERT_DATA_DIR names another"
        ) from error
    engine = open_engine(settings)
    migrate(engine)
    return engine


def load_checkpoint(settings: Settings) -> Embedder:
    """Load the encoder that the settings name. Raises `StartupError`."""
    # imported here because torch takes seconds: the port is open and answers 503 meanwhile, and
    # commands that embed nothing do without it
    from app.embedding import load_embedder  # noqa: PLC0415

    return load_embedder(
        settings.checkpoint, precision=settings.precision, queue=settings.encoder_queue
    )


def build(
    settings: Settings,
    engine: Engine,
    load: LoadEmbedder,
    *,
    background: bool = True,
    demo: Path | None = None,
) -> Services:
    """Return the services on a migrated database.

    background: follow other processes, rebuild the index and embed what a new model lacks, as a
    server does. demo: a catalogue file to load unless it was loaded before.
    """
    with ExitStack() as parts:
        parts.callback(engine.dispose)
        embedder = load(settings)
        parts.callback(embedder.close)
        store = SqlItemStore(engine)
        index = LiveIndex(
            store,
            settings.data_dir / "index",
            encoder_id=embedder.encoder_id,
            dimension=embedder.dimension,
        )
        embedding = ItemEmbedding(store, embedder)
        catalogue = Catalogue(store, embedding, index)
        imports = Imports(SqlImportLog(engine), embedding, index, item_of_row)
        if demo is not None:
            load_demo(imports, demo)
        if background:
            parts.callback(Follower(index).close)
            parts.callback(CatchUp(catalogue, index).close)
        return Services(
            catalogue=catalogue,
            similar=SimilarItems(store, embedding, index),
            imports=imports,
            keys=keys(engine),
            embedder=embedder,
            index=index,
            limits=limits(settings),
            close=parts.pop_all().close,
        )


def keys(engine: Engine) -> Keys:
    """Return the service that makes and checks keys."""
    return Keys(SqlKeyStore(engine))


def limits(settings: Settings) -> Limits:
    """Return the bounds of requests."""
    return Limits(
        max_body_bytes=settings.max_body_bytes,
        max_upload_bytes=settings.max_upload_bytes,
        max_upload_rows=settings.max_upload_rows,
    )


def load_demo(imports: Imports, file: Path) -> None:
    """Load a catalogue file once: not again while its content is the same."""
    with file.open("rb") as stream:
        digest = content_digest(stream)
    if imports.finished(digest):
        return
    total = sum(1 for _ in read_rows(file))
    state = imports.begin(digest, file.name)
    log.info("demo_loading", items=state.created, of=total, file=file.name)  # it may take a minute
    for progress in imports.run(read_rows(file), state):
        log.info("demo_loading", items=progress.state.created, of=total, file=file.name)


class CatchUp:
    """A thread that embeds items that came without a vector of the running encoder.

    There are such items after the checkpoint was changed, and while a process with another one
    still writes.
    """

    def __init__(self, catalogue: Catalogue, index: LiveIndex) -> None:
        self._catalogue = catalogue
        self._index = index
        self._stop = Event()
        self._thread = Thread(target=self._run, name="catch-up", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; a batch at hand may end with the process, and is done again."""
        self._stop.set()
        self._thread.join(timeout=STOP_S)

    def _run(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            pause = _IDLE_S
            try:
                if self._index.status().not_embedded and (done := self._catalogue.embed_some()):
                    log.info("catch_up", embedded=done)
                    pause = 0.0
            except Exception as error:  # the thread's edge: whatever it is, try again later
                log.warning("catch_up_waits", reason=repr(error))
