import pytest
import torch

from model.config import ConfigError, TrainConfig
from model.training import processes as module
from model.training.processes import accelerator, processes


class Processes:
    """Stands for the launcher: so many processes, this the first of them."""

    def __init__(self, count: int) -> None:
        self.num_processes, self.process_index = count, 0


@pytest.mark.parametrize(
    ("values", "count", "message"),
    [
        ({"batch_size": 4}, 1, None),
        ({"batch_size": 4}, 4, None),
        ({"batch_size": 4}, 3, "batch_size is 4; it must be a multiple of the 3 processes"),
        ({"batch_size": 8, "chunk_size": 2}, 2, None),
        (
            {"batch_size": 8, "chunk_size": 4},
            4,
            "batch_size / chunk_size is 2; it must be a multiple of the 4 processes",
        ),
    ],
)
def test_a_batch_is_shared_out_evenly_or_refused(
    values: dict[str, int], count: int, message: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "Accelerator", lambda **_: Processes(count))
    config = TrainConfig(**values)  # type: ignore[arg-type]
    if message is None:
        assert accelerator(config).num_processes == count
        return
    with pytest.raises(ConfigError) as refused:
        accelerator(config)
    assert str(refused.value) == message


def test_a_process_alone_is_the_first_of_one() -> None:
    assert (processes().num_processes, processes().is_main_process) == (1, True)
    place = "cuda" if torch.cuda.is_available() else "cpu"
    assert accelerator(TrainConfig()).device.type == processes().device.type == place


def test_runs_of_either_precision_share_a_process() -> None:
    for precision in ("float32", "bfloat16", "float32"):
        assert accelerator(TrainConfig(precision=precision)).num_processes == 1
