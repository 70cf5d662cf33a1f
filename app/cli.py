"""The console script: parse options, wire, call."""

import gc
import json
import signal
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine

from app import wiring
from app.errors import ServiceError, StartupError
from app.logs import configure_logging
from app.main import create_app
from app.services.container import Services
from app.services.imports import content_digest
from app.services.keys import Keys
from app.settings import Settings
from app.types import ImportState, Refusal
from model.rows import RowsError, read_rows

cli = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Similar items from titles and descriptions."
)
key_cli = typer.Typer(no_args_is_help=True, help="Make, list and revoke admin API keys.")
cli.add_typer(key_cli, name="key")
out = Console(soft_wrap=True)

_STOP_S = 5
"""How long a stop waits for requests under way."""

_SHOWN = 10
"""Refused lines printed after an import; the report file has them all."""


@cli.command()
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="address; default METRICBERT_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="port; default METRICBERT_PORT")] = None,
    demo: Annotated[
        Path | None, typer.Option(help="catalogue file to load once; also makes a first key")
    ] = None,
) -> None:
    """Migrate the database and run the service."""
    settings = _settings(host=host, port=port)
    listener = _listen(settings)
    if demo is not None and not demo.is_file():
        raise StartupError(f"the demo catalogue {demo} does not exist")
    engine = wiring.prepare(settings)
    if demo is not None:
        _first_key(wiring.keys(engine))

    def build() -> Services:
        return _loaded(settings, engine, demo=demo)

    def stop() -> None:
        server.should_exit = True

    app = create_app(build, wiring.limits(settings), on_failure=stop)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=_STOP_S))
    out.print(f"listening on http://{settings.host}:{settings.port} (docs at /docs)")
    for number in (signal.SIGINT, signal.SIGTERM):
        # the server stops in order, then raises the signal again: that shall not look like a crash
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])
    if app.state.start.failure is not None:
        raise app.state.start.failure


@cli.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV or JSON Lines, or .gz of it")],
    *,
    report: Annotated[
        Path | None, typer.Option(help="where refused lines go; default: in the data folder")
    ] = None,
) -> None:
    """Load a catalogue file; start it again to go on after an interruption."""
    settings = _settings()
    total = sum(1 for _ in read_rows(file))
    with file.open("rb") as stream:
        digest = content_digest(stream)
    services = _loaded(settings, wiring.prepare(settings), background=False)
    try:
        state = services.imports.begin(digest, file.name)
        state = _run_import(services, file, state, total)
        services.index.publish()
        refusals = services.imports.refusals(state.id)
    finally:
        services.close()
    out.print(
        f"{file.name}: {state.created} created, {state.updated} updated, "
        f"{state.unchanged} unchanged, {state.refused} refused",
        markup=False,
    )
    if refusals:
        _report(refusals, report or settings.data_dir / f"import-{state.id}-refused.jsonl")


@cli.command()
def index() -> None:
    """Rebuild the index from the database; a running server takes it over within a second."""
    settings = _settings()
    services = _loaded(settings, wiring.prepare(settings), background=False)
    try:
        while count := services.catalogue.embed_some():
            out.print(f"embedded {count} items that the model had not seen")
        services.index.publish()
        status = services.index.status()
    finally:
        services.close()
    out.print(
        f"generation {status.generation}: {status.generation_items} texts, "
        f"recall@10 {status.generation_recall}"
    )


@key_cli.command()
def create(name: Annotated[str, typer.Argument(help="who or what the key is for")]) -> None:
    """Make an admin key and print it; it is stored hashed and cannot be shown again."""
    out.print(wiring.keys(wiring.prepare(_settings())).create(name))


@key_cli.command("list")
def list_keys() -> None:
    """Print the names of the active keys."""
    for name in wiring.keys(wiring.prepare(_settings())).names():
        out.print(name)


@key_cli.command()
def revoke(name: str) -> None:
    """Revoke a key at once."""
    if not wiring.keys(wiring.prepare(_settings())).revoke(name):
        raise StartupError(f"no active key is named {name!r}; `metricbert key list` shows them")


def _settings(**given: Any) -> Settings:
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    configure_logging(settings)
    return settings


def _loaded(
    settings: Settings, engine: Engine, *, background: bool = True, demo: Path | None = None
) -> Services:
    """Return the services; the garbage collector works from here on, on what comes new."""
    try:
        return wiring.build(
            settings, engine, wiring.load_checkpoint, background=background, demo=demo
        )
    finally:
        gc.freeze()  # what was loaded stays: no pause of a request is spent on searching it
        gc.enable()


def _listen(settings: Settings) -> socket.socket:
    """Take the port before anything slow; the server gets the open socket."""
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        # asyncio switches Nagle's algorithm off only where the protocol is named; with it on,
        # every answer on a kept connection waits 40 ms for the client's delayed acknowledgement
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        raise StartupError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "METRICBERT_PORT or --port chooses another port"
        ) from error
    return listener


def _first_key(keys: Keys) -> None:
    if not keys.names():
        out.print(
            f"admin API key (shown this once, stored hashed): [bold]{keys.create('demo')}[/bold]"
        )


def _run_import(services: Services, file: Path, state: ImportState, total: int) -> ImportState:
    if state.next_line > 1:
        out.print(f"going on at line {state.next_line} of an import that was interrupted")
    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out) as progress:
        task = progress.add_task(file.name, total=total, completed=_done(state))
        try:
            for step in services.imports.run(read_rows(file), state):
                state = step.state
                progress.update(task, completed=_done(state))
                if not out.is_terminal:
                    out.print(f"{_done(state)} of {total} rows")
        except KeyboardInterrupt:
            progress.stop()
            out.print(
                f"stopped before line {state.next_line}; all before it is stored. "
                "The same command goes on from there."
            )
            raise SystemExit(128 + signal.SIGINT) from None
    return state


def _done(state: ImportState) -> int:
    return state.created + state.updated + state.unchanged + state.refused


def _report(refusals: list[Refusal], path: Path) -> None:
    lines = [json.dumps(asdict(refusal), ensure_ascii=False) for refusal in refusals]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for refusal in refusals[:_SHOWN]:
        reasons = "; ".join(f"{error.field}: {error.message}" for error in refusal.errors)
        out.print(f"line {refusal.line} ({refusal.item_id or 'no id'}): {reasons}", markup=False)
    out.print(f"all {len(refusals)} refused lines: {path}", markup=False)


def main() -> None:
    """Run the command line; an expected error ends in one line and exit code 1."""
    try:
        cli()
    except ValidationError as error:
        for detail in error.errors():
            name = "_".join(["METRICBERT", *(str(part).upper() for part in detail["loc"])])
            given = detail.get("input")
            print(f"error: {name} is {given!r}: {detail['msg']}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None
    except (ServiceError, RowsError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None
