"""The containers for real: built, started, used, stopped, and started again on their volumes."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.containers]

CATALOGUE = b"""id,title,description,genre
ferry,Night Ferry,"Steer a small ferry between foggy islands and trade salt for lamp oil.",sea
harbour,Harbour Clerk,"Ships wait in the bay while you weigh cargo and stamp papers.",sea
reef,Reef Gardener,"Plant corals, feed shy fish and keep a warming reef alive.",sea
yeast,The Slow Loaf,"A quiet bakery at four in the morning: knead dough and learn ovens.",food
kettle,Kettle Street,"Run a soup kitchen and remember who likes how much salt.",food
comet,Comet Post,"Deliver parcels between mining stations in a rocket short of fuel.",space
"""
BAKERY = "a bakery before dawn: knead the dough, learn the ovens"


@dataclass(frozen=True)
class Stack:
    """A compose project of the test's own, and a client of its service."""

    project: str
    environment: dict[str, str]
    client: httpx.Client

    def compose(self, *command: str) -> str:
        done = self._run(*command)
        if done.returncode:
            logs = self._run("logs", "--no-color", "--tail", "40").stdout
            pytest.fail(f"{command}: {done.stdout[-4000:]}{done.stderr[-4000:]}\n{logs}")
        return done.stdout.strip()

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "compose", "-f", "docker/compose.yaml", "-p", self.project, *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )

    def similar(self, item_id: str) -> list[dict[str, Any]]:
        return neighbours(self.client.get(f"/v1/items/{item_id}/similar"))

    def upload(self, key: str) -> dict[str, Any]:
        response = self.client.post(
            "/v1/imports", files={"file": ("new.csv", CATALOGUE)}, headers={"X-API-Key": key}
        )
        answer: dict[str, Any] = response.raise_for_status().json()
        return answer


def neighbours(response: httpx.Response) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = response.raise_for_status().json()["neighbours"]
    return found


def need_docker() -> None:
    for command in ("docker info", "docker compose version"):
        found = shutil.which("docker")
        if (
            not found
            or subprocess.run(command.split(), capture_output=True, check=False).returncode
        ):
            pytest.skip(f"`{command}` fails: the container tests need a Docker engine with Compose")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    need_docker()
    port = free_port()
    environment = os.environ | {
        "METRICBERT_PORT": f"127.0.0.1:{port}",
        "POSTGRES_PASSWORD": "p@ss/w:rd#1 100%",  # none of this may end up in a URL
    }
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
        stack = Stack(f"metricbert-test-{uuid4().hex[:8]}", environment, client)
        try:
            stack.compose("up", "--build", "--wait")
            yield stack
        finally:
            stack.compose("down", "--volumes", "--rmi", "local")


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    """An admin key, with which the catalogue was uploaded."""
    key = stack.compose("exec", "-T", "api", "metricbert", "key", "create", "test")
    answer = stack.upload(key)
    assert (answer["created"], answer["refused"]) == (6, 0)
    return key


@pytest.mark.usefixtures("key")
def test_an_uploaded_item_finds_all_others(stack: Stack) -> None:
    found = stack.similar("ferry")
    assert {n["item"]["id"] for n in found} == {"harbour", "reef", "yeast", "kettle", "comet"}
    assert found == sorted(found, key=lambda n: -n["score"])


@pytest.mark.usefixtures("key")
def test_a_text_finds_the_item_it_paraphrases(stack: Stack) -> None:
    first, *_ = neighbours(stack.client.post("/v1/similar", json={"text": BAKERY}))
    assert (first["item"]["id"], first["item"]["attributes"]) == ("yeast", {"genre": "food"})


def test_the_service_runs_as_a_fixed_user_and_owns_only_its_data(stack: Stack) -> None:
    owners = stack.compose("exec", "-T", "api", "stat", "-c", "%u", "/proc/1", "/", "/opt/venv")
    assert owners.split() == ["10001", "0", "0"]
    stack.compose("exec", "-T", "api", "sh", "-c", "touch own && rm own && ! touch /opt/venv/x")


def test_stopping_takes_seconds_and_ends_well(stack: Stack) -> None:
    start = monotonic()
    stack.compose("stop", "api")
    assert monotonic() - start < 8  # after ten the engine kills, and the exit code is 137
    state = stack.compose("ps", "--all", "--format", "{{.ExitCode}}", "api")
    stack.compose("up", "--wait")
    assert state == "0"


def test_new_containers_find_everything_again(stack: Stack, key: str) -> None:
    before = stack.similar("ferry")
    stack.compose("down")
    stack.compose("up", "--wait")
    assert stack.similar("ferry") == before
    assert stack.upload(key)["unchanged"] == 6
