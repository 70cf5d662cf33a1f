import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from model.checkpoint import CheckpointError
from model.config import TrainConfig
from model.training.folder import RunFolder, versions
from model.training.step import StepReport

FACTS = {
    "settings": TrainConfig(steps=6, tags=(("year", 0.5),)).to_dict(),
    "data": {"catalogue": "games.jsonl", "sha256": "ab", "held out": 2},
    "base": "tiny",
    "versions": {"torch": "1"},
    "command": ["train"],
}
STATE = {"run": {"step": 3, "weights": torch.arange(4.0)}, "figures": {"before": {"MRR": 1.5}}}


def report(step: int) -> StepReport:
    return StepReport(step, 1.5, 1.0, 0.1, 0.0, 0.5, 0.2, 0.3, 0.9, 0.1)


def other(**changes: Any) -> dict[str, Any]:
    return {**FACTS, **changes}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run that was started and saved once."""
    made = RunFolder(tmp_path / "runs" / "first")
    made.start(FACTS)
    made.save(STATE)
    return made


def test_a_run_begins_with_its_config_and_empty_curves(folder: RunFolder) -> None:
    facts = json.loads((folder.path / "config.json").read_text(encoding="utf-8"))
    assert facts.keys() == FACTS.keys()
    assert facts["settings"]["tags"] == [["year", 0.5]]
    assert folder.curves.read_text() == (
        "step,loss,mlm,metric,teacher,active,positive,negative,spread,cosine\n"
    )


def test_a_saved_state_comes_back_as_it_was(folder: RunFolder) -> None:
    found = folder.resume(FACTS)
    assert found is not None
    assert torch.equal(found["run"].pop("weights"), torch.arange(4.0))
    assert found == {"run": {"step": 3}, "figures": STATE["figures"]}
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "config.json",
        "curves.csv",
        "state.pt",
    ]


def test_an_unfinished_run_is_not_started_again(folder: RunFolder) -> None:
    with pytest.raises(CheckpointError, match="holds an unfinished run; add --resume to go on"):
        folder.start(FACTS)
    kept = folder.resume(FACTS)
    assert kept is not None
    assert kept["run"]["step"] == 3


def test_a_folder_with_other_things_is_refused_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(CheckpointError, match="already exists; choose another folder"):
        RunFolder(tmp_path).start(FACTS)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            other(settings=TrainConfig(steps=9, tags=(("year", 0.5),)).to_dict()),
            r"another settings: the run has steps 6, not 9; give the options of its start$",
        ),
        (
            other(data={**FACTS["data"], "sha256": "cd"}),  # type: ignore[dict-item]
            "another data: the run has sha256 'ab', not 'cd'; give",
        ),
        (other(base="large"), "another base: the run has 'tiny', not 'large'; give"),
    ],
)
def test_a_run_goes_on_with_what_it_began_with_alone(
    facts: dict[str, Any], message: str, folder: RunFolder
) -> None:
    with pytest.raises(CheckpointError, match=f"cannot resume with {message}"):
        folder.resume(facts)


def test_other_versions_and_another_spelling_of_the_command_may_go_on(folder: RunFolder) -> None:
    found = folder.resume(other(versions={"torch": "2"}, command=["train", "--resume"]))
    assert found is not None
    assert found["run"]["step"] == 3


def test_there_is_nothing_to_resume_where_nothing_began(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no run to resume here"):
        RunFolder(tmp_path / "none").resume(FACTS)


def test_a_run_killed_before_its_first_state_begins_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.start(FACTS)
    assert folder.resume(FACTS) is None


@pytest.mark.parametrize("kept", [0, 1, 20, 0.5, 0.99])
def test_a_truncated_state_is_one_clear_line(kept: float, folder: RunFolder) -> None:
    state = folder.path / "state.pt"
    whole = state.read_bytes()
    state.write_bytes(whole[: round(kept * len(whole)) if kept < 1 else int(kept)])
    with pytest.raises(
        CheckpointError, match=r"state\.pt: damaged state, remove the folder"
    ) as bad:
        folder.resume(FACTS)
    assert "\n" not in str(bad.value)


@pytest.mark.parametrize("content", [b"not a state", b"\x80\x02}q\x00.", b"PK\x03\x04" + bytes(99)])
def test_a_file_that_is_no_state_is_one_clear_line(content: bytes, folder: RunFolder) -> None:
    (folder.path / "state.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"state\.pt: damaged state, remove the folder"):
        folder.resume(FACTS)


def test_a_damaged_config_is_one_clear_line(folder: RunFolder) -> None:
    (folder.path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match="no run to resume here: Expecting"):
        folder.resume(FACTS)


def test_a_finished_run_is_neither_resumed_nor_started_again(folder: RunFolder) -> None:
    folder.checkpoint.mkdir()
    with pytest.raises(CheckpointError, match=r"this run is finished; see .*checkpoint"):
        folder.resume(FACTS)
    with pytest.raises(CheckpointError, match="already exists"):
        folder.start(FACTS)
    folder.finish()
    assert not (folder.path / "state.pt").exists()
    folder.finish()  # no harm in doing it twice


def test_a_save_that_is_cut_short_leaves_the_last_state(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_: object, place: Path) -> None:
        place.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", cut)
    with pytest.raises(OSError, match="disk full"):
        folder.save({"run": {"step": 6}})
    kept = folder.resume(FACTS)
    assert kept is not None
    assert kept["run"]["step"] == 3


def read(folder: RunFolder) -> list[dict[str, str]]:
    with folder.curves.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_curves_have_a_row_a_step(folder: RunFolder) -> None:
    for step in (1, 2, 3):
        folder.append(report(step))
    assert [row["step"] for row in read(folder)] == ["1", "2", "3"]
    assert {float(row["spread"]) for row in read(folder)} == {0.9}


def test_steps_behind_the_state_are_cut_and_drawn_again(folder: RunFolder) -> None:
    for step in range(1, 6):
        folder.append(report(step))
    with folder.curves.open("a", encoding="utf-8") as stream:
        stream.write("6,1.5,0.")  # killed while it wrote
    folder.cut_curves(3)
    folder.append(report(4))
    assert [row["step"] for row in read(folder)] == ["1", "2", "3", "4"]


def test_versions_name_what_the_figures_depend_on() -> None:
    assert versions().keys() >= {"python", "torch", "transformers", "accelerate", "tokenizers"}
    assert versions()["torch"].startswith(torch.__version__.split("+")[0])
