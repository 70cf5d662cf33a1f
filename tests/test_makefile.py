"""What `make` says before it does anything on a machine that lacks something."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the repository."""
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def fake_python(folder: Path, version: str) -> str:
    """A program that answers like a Python of another version."""
    path = folder / "python3"
    major, minor = version.split(".")[:2]
    path.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Python {version}" && exit\n'
        f'exec {sys.executable} -c "import sys; sys.version_info = ({major}, {minor}); $2"\n'
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("target", ["preflight", "-n serve", "-n test"])
def test_a_complete_machine_passes(target: str) -> None:
    assert make(*target.split(), f"PYTHON={sys.executable}").returncode == 0


@pytest.mark.parametrize("version", ["3.10.4", "3.15.0", "2.7.18"])
def test_an_unsupported_python_is_named(tmp_path: Path, version: str) -> None:
    done = make("preflight", f"PYTHON={fake_python(tmp_path, version)}")
    assert done.returncode != 0
    assert f"Python {version} is not supported; install Python 3.11" in done.stdout


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("PYTHON=no-such-python", "no-such-python not found; install Python"),
        ("CXX=no-such-compiler", "no C++ compiler (no-such-compiler)"),
    ],
)
def test_a_missing_tool_is_named_with_the_remedy(argument: str, message: str) -> None:
    done = make("preflight", f"PYTHON={sys.executable}", argument)
    assert done.returncode != 0
    assert done.stdout.startswith("error: ")
    assert message in done.stdout


def test_every_target_explains_itself() -> None:
    assert {line.split()[1] for line in make("help").stdout.splitlines()} >= {"serve", "test"}


def test_the_check_script_calls_what_the_readme_says() -> None:
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()
