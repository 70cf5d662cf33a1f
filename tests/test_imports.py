"""The arrows of the house style: who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# a module may import its own package and those named here; "app.x" stands for all below it
APP = {
    "app.types": set[str](),
    "app.errors": {"app.types"},
    "app.settings": set[str](),
    "app.ports": {"app.types"},
    "app.services": {"app.types", "app.errors", "app.ports"},
    "app.start": {"app.errors", "app.services"},
    "app.api": {"app.types", "app.errors", "app.services", "app.start"},
    "app.main": {"app.api", "app.services", "app.start"},
    "app.tables": set[str](),
    "app.store": {"app.types", "app.errors", "app.settings", "app.tables"},
    "app.index": {"app.types", "app.ports"},
    "app.embedding": {"app.types", "app.errors"},
    "app.fakes": {"app.types"},
    "app.logs": {"app.settings"},
    "app.wiring": {"app"},
    "app.cli": {"app"},
    "app.launch": {"app.cli"},
    "migrations": {"app.settings", "app.store", "app.tables"},
}
# `model.rows` is a third door beside encoder and text: standard library only, so that a file that
# trains is read the same way when it is imported; the checkpoint's error comes with the encoder
DOORS = {
    "model.text": {"app.services", "app.api"},
    "model.rows": {"app.services", "app.api", "app.wiring", "app.cli"},
    "model.encoder": {"app.embedding"},
    "model.checkpoint": {"app.embedding"},
}
LIGHT = {"text", "rows", "config"}
FILES = [p for top in ("app", "model", "migrations") for p in sorted((ROOT / top).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Our own modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in {"app", "model", "migrations"}}


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def within(name: str, places: set[str]) -> bool:
    """Tell whether a module lies in one of the places."""
    return any(name == place or name.startswith(f"{place}.") for place in places)


def home_of(name: str) -> str | None:
    """The entry of the table that a module belongs to."""
    return max((home for home in APP if within(name, {home})), key=len, default=None)


@pytest.mark.parametrize("path", sorted((ROOT / "data").glob("*.py")), ids=module_of)
def test_the_open_catalogue_needs_nothing_but_the_file_reader(path: Path) -> None:
    assert {name for name in imported(path) if not within(name, {"model.rows"})} == set()


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_follow_the_arrows(path: Path) -> None:
    name = module_of(path)
    if name.split(".")[0] == "model":
        assert all(found.split(".")[0] == "model" for found in imported(path)), "model knows no app"
        return
    home = home_of(name)
    if home is None:
        assert imported(path) == set(), f"{name} is in no layer"
        return
    for found in imported(path):
        if found.split(".")[0] == "model":
            doors = [door for door in DOORS if within(found, {door})]
            assert any(within(name, DOORS[door]) for door in doors), f"{name} -> {found}"
        elif found not in {"app", "migrations"}:
            assert within(found, APP[home] | {home}), f"{name} -> {found}"


def test_every_layer_exists() -> None:
    names = {module_of(path) for path in FILES}
    for layer in [*APP, *DOORS]:
        assert any(within(name, {layer}) for name in names), layer


@pytest.mark.parametrize("module", sorted(LIGHT))
def test_light_model_modules_use_the_standard_library(module: str) -> None:
    assert loaded_by(f"model.{module}").isdisjoint({"torch", "transformers", "numpy"})


@pytest.mark.slow
@pytest.mark.parametrize("module", ["model.__main__", "model.training", "model.encoder"])
def test_model_imports_without_the_web_stack(module: str) -> None:
    assert loaded_by(module).isdisjoint({"fastapi", "sqlalchemy", "uvicorn", "hnswlib"})


@pytest.mark.parametrize("module", ["app.main", "app.wiring", "app.cli"])
def test_app_imports_without_torch(module: str) -> None:
    assert loaded_by(module).isdisjoint({"torch", "transformers"})


def loaded_by(module: str) -> set[str]:
    """The top-level packages that importing a module loads."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).split())
