import errno
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.checkpoint import (
    MANIFEST,
    WEIGHTS,
    CheckpointError,
    Manifest,
    digests,
    encoder_id,
    publish,
    read_manifest,
)
from model.encoder import load_encoder


def edit(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / MANIFEST
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}), encoding="utf-8")

    return change


def write(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return change


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: write(name, (folder / name).read_bytes()[:-40])(folder)


def flip(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[-5] ^= 1
        (folder / name).write_bytes(data)

    return change


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "no folder": (shutil.rmtree, "no such checkpoint folder"),
    "no manifest": (remove(MANIFEST), f"no {MANIFEST}; this is not a MetricBERT checkpoint"),
    "broken JSON": (cut(MANIFEST), "damaged manifest"),
    "no UTF-8": (write(MANIFEST, b'{"a": "\xff"}'), "damaged manifest"),
    "a list": (write(MANIFEST, b"[1]"), "damaged manifest"),
    "fields missing": (write(MANIFEST, b"{}"), "damaged manifest"),
    "other format": (edit(format_version=2), "format version 2, this program reads 1"),
    "newer fields": (edit(format_version=2, licence="x"), "format version 2, this program reads 1"),
    "other recipe": (edit(text_recipe="shouted-v9"), "text recipe 'shouted-v9'"),
    "no weights listed": (edit(files={}), "damaged manifest: it lists no "),
    "files of no kind": (edit(files=None), "damaged manifest"),
    "dimension": (edit(dimension=768), "768 dimensions, the weights have 32"),
    "max_tokens of no use": (edit(max_tokens=4), "max_tokens"),
    "max_tokens of no kind": (edit(max_tokens="32"), "max_tokens"),
    "max_windows of no use": (edit(max_windows=65), "max_windows"),
    "max_windows of no kind": (edit(max_windows="2"), "max_windows"),
    "no weights": (remove(WEIGHTS), f"{WEIGHTS} is missing"),
    "flipped byte": (flip(WEIGHTS), f"{WEIGHTS} is not the file that was saved"),
    "cut weights": (cut(WEIGHTS), f"{WEIGHTS} is not the file that was saved"),
    "cut tokenizer": (cut("tokenizer.json"), "tokenizer.json is not the file that was saved"),
    "no tokenizer": (remove("tokenizer.json"), "tokenizer.json is missing"),
    "other config": (cut("config.json"), "config.json is not the file that was saved"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_checkpoint_is_refused_with_its_folder_and_fault(
    damage: Callable[[Path], None], message: str, checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint, folder)
    damage(folder)
    with pytest.raises(CheckpointError) as caught:
        load_encoder(folder)
    assert str(caught.value).startswith(str(folder))
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["config.json", WEIGHTS])
def test_a_damaged_file_is_refused_even_if_its_digest_says_otherwise(
    name: str, checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint, folder)
    write(name, (folder / name).read_bytes()[:200])(folder)
    edit(files=digests(folder, ("config.json", WEIGHTS, "tokenizer.json")))(folder)
    with pytest.raises(CheckpointError, match=f"^{folder}"):
        load_encoder(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_every_file_that_decides_about_vectors_must_be_listed(
    name: str, checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint, folder)
    files = dict(read_manifest(folder).files)
    del files[name]
    edit(files=files)(folder)
    with pytest.raises(CheckpointError, match=f"damaged manifest: it lists no {name}"):
        read_manifest(folder)


def test_a_manifest_travels_as_json_and_back(checkpoint: Path) -> None:
    manifest = read_manifest(checkpoint)
    assert Manifest(**json.loads(manifest.to_json())) == manifest
    assert (checkpoint / MANIFEST).read_text(encoding="utf-8") == manifest.to_json()


def test_a_published_folder_holds_what_was_filled_in(tmp_path: Path) -> None:
    def fill(target: Path) -> None:
        assert not (tmp_path / "new" / "out").exists()
        (target / "part").mkdir()
        (target / "part" / "file").write_text("content")
        (target / "part" / "file").chmod(0o600)

    publish(tmp_path / "new" / "out", fill)
    assert (tmp_path / "new" / "out" / "part" / "file").read_text() == "content"
    assert (tmp_path / "new" / "out" / "part" / "file").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    publish(tmp_path / "out", write("file", b"content"))
    assert (tmp_path / "out" / "file").read_bytes() == b"content"


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    with pytest.raises(CheckpointError, match=f"^{tmp_path / 'out'} already exists"):
        publish(tmp_path / "out", write("file", b"content"))
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine"]


def test_a_file_is_never_replaced_by_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious")
    with pytest.raises(CheckpointError, match="already exists"):
        publish(tmp_path / "out", write("file", b"content"))
    assert (tmp_path / "out").read_text() == "precious"


@pytest.mark.parametrize(
    "failure",
    [OSError(errno.ENOSPC, "No space left on device"), RuntimeError(), KeyboardInterrupt()],
)
def test_a_fill_that_fails_half_way_leaves_nothing(failure: BaseException, tmp_path: Path) -> None:
    def fill(target: Path) -> None:
        (target / "half").write_text("content")
        raise failure

    with pytest.raises(type(failure)):
        publish(tmp_path / "out", fill)
    assert list(tmp_path.iterdir()) == []


def test_digests_are_those_of_the_bytes(tmp_path: Path) -> None:
    write("a", b"1")(tmp_path)
    assert digests(tmp_path, ("a",)) == {"a": hashlib.sha256(b"1").hexdigest()}


def test_an_encoder_id_follows_everything_that_decides_about_a_vector() -> None:
    known = encoder_id("games", {"a": "1", "b": "2"}, max_tokens=256)
    assert known.startswith("games-")
    assert known == encoder_id("games", {"b": "2", "a": "1"}, max_tokens=256)
    assert known != encoder_id("games", {"a": "1", "b": "3"}, max_tokens=256)
    assert known != encoder_id("games", {"a": "1", "b": "2"}, max_tokens=128)
    assert known == encoder_id("games", {"a": "1", "b": "2"}, max_tokens=256, max_windows=1)
    assert known != encoder_id("games", {"a": "1", "b": "2"}, max_tokens=256, max_windows=2)


def test_a_manifest_from_before_windows_reads_one_and_keeps_its_id(
    checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint, folder)
    facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    del facts["max_windows"]
    (folder / MANIFEST).write_text(json.dumps(facts), encoding="utf-8")
    manifest = read_manifest(folder)
    assert manifest == read_manifest(checkpoint)
    assert manifest.max_windows == 1
    assert manifest.encoder_id == encoder_id("tiny", manifest.files, max_tokens=manifest.max_tokens)


@pytest.mark.slow
def test_the_shipped_checkpoint_is_whole(shipped: Path) -> None:
    manifest = read_manifest(shipped)
    assert manifest.encoder_id == encoder_id(
        shipped.name, manifest.files, max_tokens=manifest.max_tokens
    )
    assert (manifest.max_tokens, manifest.max_windows) == (192, 1)
    assert manifest.metrics
