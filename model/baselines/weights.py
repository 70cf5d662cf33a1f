"""Where the weights of a baseline are: a folder, the packaged base, the hub's cache, the hub."""

from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from huggingface_hub import constants, snapshot_download

from model.base import locate
from model.baselines.ranker import WeightsUnavailable

_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
"""What is fetched of a model: no pickled weights, which can run code when they are loaded."""
_PATIENCE = 5.0
"""Seconds until the hub has answered."""


def find_weights(name: str, *, download: bool = True) -> Path:
    """Return a folder with the weights that `name`, a folder or a hub name, stands for.

    download: ask the hub for what its cache on this machine lacks, unless `HF_HUB_OFFLINE` is set.
    Raises `WeightsUnavailable`, within seconds when the hub is out of reach.
    """
    place = Path(locate(name))
    if place.is_dir():
        return place
    try:
        return Path(snapshot_download(name, allow_patterns=_FILES, local_files_only=True))
    except ValueError as error:
        raise WeightsUnavailable(name, "no such folder, and the hub has no such names") from error
    except OSError as error:
        if not download or constants.HF_HUB_OFFLINE:
            tried = "no such folder, not in the hub's cache, and the hub is not to be asked"
            raise WeightsUnavailable(name, tried) from error
    try:
        _require_hub()
        return Path(snapshot_download(name, allow_patterns=_FILES))
    except OSError as error:
        tried = f"no such folder, not in the hub's cache, and from the hub: {one_line(error)}"
        raise WeightsUnavailable(name, tried) from error


def _require_hub() -> None:
    """Raise `OSError` unless the hub answers soon; its own client tries again for half a minute."""
    try:
        request = Request(constants.ENDPOINT, method="HEAD")  # noqa: S310 - the hub's own address
        with urlopen(request, timeout=_PATIENCE):  # noqa: S310
            return
    except HTTPError:
        return  # it answers; what it says of the model itself is what counts


def one_line(error: Exception) -> str:
    """Return an error's first sentence; the libraries write several lines."""
    return " ".join(str(error).split()).split(". ")[0].rstrip(".")
