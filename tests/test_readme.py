"""The README tells what is so: its settings are those of the code, its answer the real one."""

import json
import re
from pathlib import Path

import pytest

from app.settings import Settings
from tests.conftest import DEMO, ROOT
from tests.processes import CHECKPOINT, environment, serving

README = ROOT / "README.md"


def block(name: str) -> str:
    """The text between two markers of the README."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README.read_text("utf-8"), re.S)
    assert found is not None
    return found[1]


def settings_table() -> str:
    """The table of settings, from the code."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if str(field.default) else ""
        lines.append(f"| `METRICBERT_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def test_the_settings_table_is_that_of_the_code() -> None:
    assert block("settings") == settings_table()


def test_every_path_of_the_file_map_exists() -> None:
    paths = re.findall(
        r"`((?:app|model|migrations|checkpoints|data|docker|tests|benchmarks)/[\w./-]*)`",
        README.read_text(),
    )
    assert len(paths) > 8
    for path in paths:
        assert (ROOT / path).exists(), path


@pytest.mark.slow
@pytest.mark.skipif(not CHECKPOINT.is_dir(), reason="the shipped checkpoint is not there")
def test_the_answers_are_the_real_ones(tmp_path: Path) -> None:
    text = {"text": "Run a kitchen with friends while the orders pile up.", "limit": 4}
    assert json.dumps(text) in README.read_text("utf-8")
    with serving("--demo", str(DEMO), env=environment(tmp_path), log=tmp_path / "log") as server:
        answers = {
            "answer": server.client.get("/v1/items/portal/similar?limit=3"),
            "answer-item": server.client.get("/v1/items/stunt-car-racer/similar?limit=4"),
            "answer-text": server.client.post("/v1/similar", json=text),
        }
    for name, answer in answers.items():
        shown = json.loads(block(name).removeprefix("```json\n").removesuffix("```\n"))
        for real, printed in zip(answer.json()["neighbours"], shown, strict=True):
            assert (real["rank"], real["item"]["id"]) == (printed["rank"], printed["id"])
            assert real["score"] == pytest.approx(printed["score"], abs=1e-4)
