"""Reads the whole catalogue before the first step: for a teacher, and for who is near whom."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from model.base import load_base
from model.commands.progress import encode_all
from model.config import ConfigError, EncoderConfig, TrainConfig
from model.corpus import Record
from model.encoder import Encoder, Vectors
from model.neighbours import find_neighbours
from model.teacher import teacher_vectors
from model.training.folder import write_array
from model.training.loop import Guide
from model.training.processes import processes

READ = "base.npy"
TEACHER = "teacher.npy"


def reader(
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    config: TrainConfig,
    reading: EncoderConfig,
) -> Encoder | None:
    """Return what reads the items beforehand, if they are: a copy of the base, or `teacher_base`.

    Raises `ConfigError` for a `teacher_base` of another width.
    """
    if not config.reads_catalogue:
        return None
    if config.teacher_base:
        other, tokenizer = load_base(config.teacher_base)
        if other.config.hidden_size != model.config.hidden_size:
            raise ConfigError(
                f"teacher_base is {config.teacher_base}, of {other.config.hidden_size} dimensions; "
                f"it must have those of the base model, {model.config.hidden_size}"
            )
        bert = other.bert
    else:
        bert = copy.deepcopy(model.bert)
    torch.nn.Module.to(bert, device=model.device, dtype=getattr(torch, config.precision))
    return Encoder(bert, tokenizer, reading)


def guide(
    folder: Path,
    encoder: Encoder | None,
    every: Sequence[Record],
    kept: Sequence[Record],
    config: TrainConfig,
) -> Guide:
    """Return what the run of `config` needs, from `folder` where it was made before.

    every: the catalogue, all of it read. kept: the records that are trained on.
    """
    if encoder is None:
        return Guide()
    read = _once(
        folder / READ, lambda: encode_all(encoder, [record.text for record in every], "base")
    )
    teacher, neighbours = None, None
    if config.teacher_weight:
        made = _once(
            folder / TEACHER,
            lambda: teacher_vectors(
                read, every, config.tags, words=config.words, titles=config.titles
            ),
        )
        rows = torch.from_numpy(made)
        teacher = {record.id: row for record, row in zip(every, rows, strict=True)}
    if config.looks_around:
        place = {record.id: row for row, record in enumerate(every)}
        neighbours = find_neighbours(read[[place[record.id] for record in kept]])
    return Guide(teacher, neighbours)


def _once(place: Path, make: Callable[[], Vectors]) -> Vectors:
    """Return what `make` gives, from the file `place` if it was made before."""
    if not place.exists() and processes().is_main_process:
        write_array(place, make())  # a run killed here goes on
    processes().wait_for_everyone()
    vectors: Vectors = np.load(place)
    return vectors
