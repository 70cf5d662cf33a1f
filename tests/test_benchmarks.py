"""The commands that the benchmarks document are commands that they take."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

MODULES = sorted(path.stem for path in (ROOT / "benchmarks").glob("[!_]*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_every_documented_option_is_known(name: str) -> None:
    text = (ROOT / "benchmarks" / f"{name}.py").read_text("utf-8")
    commands = re.findall(rf"python -m benchmarks\.{name}(?:[^\n]*\\\n)*[^\n]*", text)
    assert commands
    wanted = {option for command in commands for option in re.findall(r"--[a-z-]+", command)}
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert wanted <= set(re.findall(r"--[a-z-]+", shown))
