"""Latency of `GET /v1/items/{id}/similar`, end to end over HTTP, against a limit and a floor.

    python -m benchmarks.similar_latency                                # the demo catalogue
    python -m benchmarks.similar_latency --catalogue FILE --limit-ms 10 --data-dir DIR

The floor is `GET /livez` of the same server in the same run: what HTTP alone costs here. With
`--data-dir` the imported catalogue is kept, and a second run goes straight to measuring.
"""

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep

import httpx
import numpy as np
from numpy.typing import NDArray

from model.rows import read_rows

SCRIPT = Path(sys.executable).parent / "metricbert"
DEMO = Path(__file__).parent.parent / "data" / "games.jsonl"

Milliseconds = NDArray[np.float64]


@contextmanager
def server(data_dir: Path) -> Iterator[httpx.Client]:
    """A service on a free port of its own process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    env = {**os.environ, "METRICBERT_DATA_DIR": str(data_dir), "METRICBERT_LOG_LEVEL": "warning"}
    process = subprocess.Popen([SCRIPT, "serve", "--port", port], env=env)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            wait_ready(client, process)
            yield client
    finally:
        process.terminate()
        process.wait()


def wait_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    """Wait until the service answers queries."""
    while process.poll() is None:
        try:
            if client.get("/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        sleep(0.1)
    raise SystemExit("the server did not start")


def time_requests(client: httpx.Client, paths: list[str]) -> Milliseconds:
    """Time one GET after another on one connection."""
    took = []
    for path in paths:
        began = perf_counter()
        client.get(path).raise_for_status()
        took.append(1000 * (perf_counter() - began))
    return np.array(took)


def main() -> None:
    """Import, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--catalogue", type=Path, default=DEMO)
    parser.add_argument("--limit-ms", type=float, default=5.0, help="what p50 is compared with")
    parser.add_argument("--data-dir", type=Path, help="keep the imported catalogue here")
    parser.add_argument("--requests", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measure(options, options.data_dir or Path(temporary))


def measure(options: argparse.Namespace, data_dir: Path) -> None:
    """Import the catalogue into `data_dir`, then time requests and the floor in turn."""
    env = {**os.environ, "METRICBERT_DATA_DIR": str(data_dir)}
    subprocess.run([SCRIPT, "import", options.catalogue], env=env, check=True)
    ids = [str(row.fields["id"]) for row in read_rows(options.catalogue) if row.fields]
    chosen = random.Random(0).choices(ids, k=options.requests)
    with server(data_dir) as client:
        info = client.get("/v1/info").json()
        paths = [f"/v1/items/{item_id}/similar?limit=10" for item_id in chosen]
        time_requests(client, paths[:200])  # warm caches and connections
        floor, similar = [], []
        for start in range(0, len(paths), 100):  # in turn: a noisy moment hits both
            floor.append(time_requests(client, ["/livez"] * 100))
            similar.append(time_requests(client, paths[start : start + 100]))
    report(np.concatenate(similar), np.concatenate(floor), info, options)


def report(
    similar: Milliseconds, floor: Milliseconds, info: dict[str, object], options: argparse.Namespace
) -> None:
    """Print the figures and their ratios."""
    p50, p99 = np.percentile(similar, [50, 99])
    bare = float(np.percentile(floor, 50))
    print(f"\n{options.catalogue.name}: {info['items']} items, index {info['index']}")
    print("| requests | p50 ms | p99 ms | p50 / limit | p50 / GET /livez |")
    print("|---|---|---|---|---|")
    print(
        f"| {len(similar)} | {p50:.2f} | {p99:.2f} "
        f"| {p50 / options.limit_ms:.2f} of {options.limit_ms:g} ms | {p50 / bare:.1f} |"
    )


if __name__ == "__main__":
    main()
