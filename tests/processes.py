"""Real processes of the console script, for tests that start, stop and kill them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from tests.conftest import DEMO, ROOT

CHECKPOINT = ROOT / "checkpoints" / "metricbert-games"
SCRIPT = Path(sys.executable).parent / "metricbert"


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """The environment of a user who set nothing but the data folder."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("METRICBERT_", "DATABASE_"))}
    return {
        **kept,
        "METRICBERT_DATA_DIR": str(data_dir),
        "METRICBERT_CHECKPOINT": str(CHECKPOINT),
        **more,
    }


def few_games(folder: Path) -> Path:
    """Write the demo games under "p" to a file: embedded in seconds, Portal among them."""
    lines = DEMO.read_text("utf-8").splitlines(keepends=True)
    file = folder / "few.jsonl"
    file.write_text("".join(line for line in lines if line.startswith('{"id": "p')), "utf-8")
    return file


def run(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the console script to its end."""
    return subprocess.run(
        [SCRIPT, *arguments],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def start(*arguments: str, env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start the console script with its output in a file."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            [SCRIPT, *arguments], env=env, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT
        )


@dataclass
class Server:
    """A running service."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    ready_s: float

    def kill(self) -> None:
        """End it without any warning."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def serving(*arguments: str, env: Mapping[str, str], log: Path) -> Iterator[Server]:
    """A service that answers on a free port; stopped at the end unless it was killed."""
    port = free_port()
    began = monotonic()
    process = start("serve", "--port", str(port), *arguments, env=env, log=log)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        try:
            wait_ready(process, client, log)
            yield Server(process, client, monotonic() - began)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=60)


def wait_ready(process: subprocess.Popen[bytes], client: httpx.Client, log: Path) -> None:
    """Wait until /readyz answers 200; fail with the log if the process ends before."""
    deadline = monotonic() + 300
    while monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the server ended: {log.read_text()}")
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        sleep(0.05)
    pytest.fail(f"not ready in time: {log.read_text()}")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def create_key(env: Mapping[str, str]) -> dict[str, str]:
    """Make an admin key; return the header that carries it."""
    made = run("key", "create", "tests", env=env)
    assert made.returncode == 0, made.stderr
    return {"X-API-Key": made.stdout.strip()}
