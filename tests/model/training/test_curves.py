from pathlib import Path

import pytest

from model.training.curves import draw_curves
from model.training.folder import RunFolder
from model.training.step import StepReport

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("steps", [0, 1, 50])
def test_the_curves_of_a_run_become_a_picture(steps: int, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.start({})
    for step in range(1, steps + 1):
        folder.append(StepReport(step, 1 / step, 3.0, 0.1, 0.0, 0.5, 0.2, 0.3, 0.9, 0.1))
    draw_curves(folder.curves, folder.picture)
    assert folder.picture.read_bytes().startswith(PNG)
    assert folder.picture.stat().st_size > 10_000
