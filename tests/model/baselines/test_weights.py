"""Where weights are looked for; no test asks the hub."""

import socket
from pathlib import Path

import pytest
from huggingface_hub import constants

from model.base import DEFAULT
from model.baselines import weights
from model.baselines.ranker import WeightsUnavailable
from model.baselines.weights import find_weights


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_folder_stands_for_itself_and_the_default_is_packaged(base_folder: Path) -> None:
    assert find_weights(str(base_folder), download=False) == base_folder
    assert (find_weights(DEFAULT, download=False) / "config.json").is_file()


@pytest.mark.parametrize("name", ["bert-base-uncased", "roberta-base", "some/model"])
def test_the_hub_is_not_asked_when_told_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsUnavailable, match=f"{name}: .*the hub is not to be asked"):
        find_weights(name, download=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsUnavailable, match="Give the path of a folder"):
        find_weights(name)


@pytest.mark.parametrize("name", ["/no/such/folder", "../nor/this", "no name"])
def test_what_is_no_hub_name_is_a_missing_folder(name: str) -> None:
    with pytest.raises(WeightsUnavailable, match="no such folder, and the hub has no such names"):
        find_weights(name)


def test_a_hub_that_refuses_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        with pytest.raises(WeightsUnavailable, match=r"from the hub: .*refused"):
            find_weights("roberta-base")


def test_a_silent_hub_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(weights, "_PATIENCE", 0.1)
        with pytest.raises(WeightsUnavailable, match="from the hub: timed out"):
            find_weights("roberta-base")
