"""The console script as users run it: started, misused, interrupted, killed."""

import json
import re
import signal
import socket
import threading
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from app.settings import Settings
from tests.conftest import postgresql_settings
from tests.processes import (
    CHECKPOINT,
    Server,
    create_key,
    environment,
    few_games,
    free_port,
    run,
    serving,
    start,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHECKPOINT.is_dir(), reason="the shipped checkpoint is not there"),
]


def one_clear_line(output: str, *words: str) -> None:
    """Check that an error is one line, without a traceback, and holds the words."""
    lines = [line for line in output.splitlines() if not line.startswith("listening on")]
    assert len(lines) == 1, output
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]


def test_the_demo_answers_and_the_second_start_repeats_nothing(tmp_path: Path) -> None:
    env, first, second = environment(tmp_path / "v"), tmp_path / "1.log", tmp_path / "2.log"
    demo = few_games(tmp_path)
    with serving("--demo", str(demo), env=env, log=first) as server:
        found = server.client.get("/v1/items/portal/similar").json()["neighbours"]
        assert found[0]["item"]["id"] == "portal-2"
        count = server.client.get("/v1/info").json()["items"]
    assert count == len(demo.read_text("utf-8").splitlines())
    assert server.process.returncode == 0
    key = re.search(r"mb_[\w-]{43}", first.read_text())
    assert key is not None
    with serving("--demo", str(demo), env=env, log=second) as server:
        response = server.client.delete("/v1/items/portal", headers={"X-API-Key": key[0]})
        assert response.status_code == 204
    assert "mb_" not in second.read_text()
    assert "demo_loading" not in second.read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"METRICBERT_CHECKPOINT": "/nowhere"}, ["/nowhere", "METRICBERT_CHECKPOINT"]),
        ({"METRICBERT_CHECKPOINT": "tests"}, ["tests", "not a MetricBERT checkpoint"]),
        ({"METRICBERT_DATA_DIR": "README.md/var"}, ["README.md/var", "METRICBERT_DATA_DIR"]),
        ({"METRICBERT_PORT": "99999"}, ["METRICBERT_PORT", "65535"]),
        ({"DATABASE_URL": "mysql://x/y"}, ["mysql", "postgresql://"]),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, ["database is not available"]),
    ],
    ids=lambda value: next(iter(value.items()))[1] if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_one_clear_line(
    tmp_path: Path, change: dict[str, str], words: list[str]
) -> None:
    env = {**environment(tmp_path / "v", METRICBERT_PORT=str(free_port())), **change}
    ended = run("serve", env=env)
    assert ended.returncode == 1
    one_clear_line(ended.stdout + ended.stderr, *words)


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        ended = run("serve", "--port", port, env=environment(tmp_path))
    assert ended.returncode == 1
    one_clear_line(ended.stdout + ended.stderr, port, "--port")


def test_a_damaged_checkpoint_is_one_clear_line(tmp_path: Path) -> None:
    copy = tmp_path / "checkpoint"
    copy.mkdir()
    for path in CHECKPOINT.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    with (copy / "model.safetensors").open("r+b") as stream:
        stream.seek(1_000_000)
        stream.write(b"\x00" * 64)
    env = environment(tmp_path / "v", METRICBERT_CHECKPOINT=str(copy))
    ended = run("index", env=env)
    assert ended.returncode == 1
    one_clear_line(ended.stderr, "model.safetensors", "SHA-256")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_killed_server_loses_no_acknowledged_item(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    env = environment(tmp_path / "v")
    if kind == "postgresql":
        database: Settings = postgresql_settings(request.getfixturevalue(kind), tmp_path)
        env["DATABASE_URL"] = database.database_url
    headers = create_key(env)
    acknowledged: list[str] = []
    for turn in range(2):
        with serving(env=env, log=tmp_path / "log") as server:
            for item_id in acknowledged:
                assert server.client.get(f"/v1/items/{item_id}/similar").status_code == 200
            enough = len(acknowledged) + 15
            killer = threading.Thread(target=kill_at, args=(server, acknowledged, enough))
            killer.start()
            try:
                for n in range(10_000):
                    item_id = f"{turn}-{n}"
                    body = {"title": f"item {turn} {n}", "description": "words " * (n % 9)}
                    path = f"/v1/items/{item_id}"
                    server.client.put(path, json=body, headers=headers).raise_for_status()
                    acknowledged.append(item_id)
            except httpx.TransportError:
                killer.join()
    assert len(acknowledged) >= 30
    with serving(env=env, log=tmp_path / "log") as server:
        for item_id in acknowledged:
            assert server.client.get(f"/v1/items/{item_id}").status_code == 200


def kill_at(server: Server, acknowledged: list[str], enough: int) -> None:
    """Kill the server in the middle of the writes behind `enough` of them."""
    while len(acknowledged) < enough:
        sleep(0.001)
    server.kill()


def catalogue(folder: Path, count: int) -> Path:
    """A JSON Lines file of made-up items with a bad line in it."""
    file = folder / "catalogue.jsonl"
    rows = [
        {"id": f"i{n}", "title": f"item {n}", "description": "words " * 10} for n in range(count)
    ]
    lines = [json.dumps(row) for row in rows]
    lines[10] = "{broken"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_import_that_was_stopped_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    file, env, log = catalogue(tmp_path, 1600), environment(tmp_path / "v"), tmp_path / "log"
    # a job that a shell runs in the background ignores Ctrl-C, and so would its children
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = start("import", str(file), env=env, log=log)
    deadline = monotonic() + 120
    while " of 1600 rows" not in log.read_text():  # printed once the first batch is committed
        assert process.poll() is None, log.read_text()
        assert monotonic() < deadline
        sleep(0.02)
    process.send_signal(how)
    process.wait(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "The same command goes on from there" in log.read_text()
    again = run("import", str(file), env=env)
    assert again.returncode == 0
    assert "going on at line" in again.stdout
    assert "1599 created, 0 updated, 0 unchanged, 1 refused" in again.stdout
    (report,) = (tmp_path / "v").glob("import-*-refused.jsonl")
    refused = json.loads(report.read_text())
    assert (refused["line"], refused["errors"][0]["field"]) == (11, "line")


def test_a_file_of_no_use_is_one_clear_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"\x1f\x8b\x08broken")
    for name, word in [("none.csv", "No such file"), ("broken.csv.gz", "broken gzip data")]:
        ended = run("import", str(tmp_path / name), env=environment(tmp_path / "v"))
        assert ended.returncode == 1
        one_clear_line(ended.stderr, name, word)


def test_a_running_server_takes_over_what_a_command_does(tmp_path: Path) -> None:
    env, file = environment(tmp_path / "v"), catalogue(tmp_path, 90)
    with serving(env=env, log=tmp_path / "log") as server:
        assert run("import", str(file), env=env).returncode == 0
        assert run("index", env=env).returncode == 0
        sleep(1.5)
        info = server.client.get("/v1/info").json()
        assert (info["items"], info["index"]["generation_items"]) == (89, 89)
        found = server.client.get("/v1/items/i3/similar").json()["neighbours"]
        assert len(found) == 10
