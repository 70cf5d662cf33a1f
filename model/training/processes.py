"""The processes of a run: one on a CPU or a GPU, or the workers that torchrun started."""

import torch
from accelerate import Accelerator, PartialState

from model.config import ConfigError, TrainConfig


def processes() -> PartialState:
    """Return what knows this process among the others; starts their connection when first called.

    The first one of all is to write files and to speak.
    """
    return PartialState(cpu=_on_processors())


def accelerator(config: TrainConfig) -> Accelerator:
    """Return what places tensors and adds up over processes.

    Raises `ConfigError` when the chunks of a batch, or its pairs where no chunk_size is set, do not
    divide evenly among the processes.
    """
    found = Accelerator(cpu=_on_processors(), mixed_precision="no")  # see `forward_precision`
    what = "batch_size / chunk_size" if config.chunk_size else "batch_size"
    chunks = config.batch_size // max(config.chunk_size, 1)
    if chunks % found.num_processes:
        raise ConfigError(
            f"{what} is {chunks}; it must be a multiple of the {found.num_processes} processes"
        )
    return found


def _on_processors() -> bool:
    """Tell accelerate what it does not find out itself: without a GPU it joins no processes."""
    return not torch.accelerator.is_available()
