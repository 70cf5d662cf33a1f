"""Tiny random models, built once a session; no test changes them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from model.checkpoint import MANIFEST
from model.config import EncoderConfig
from model.encoder import Encoder, quiet
from model.export import Provenance, save_checkpoint
from tests.model.tiny import MAX_TOKENS, tiny_bert, tiny_tokenizer

SHIPPED = Path(__file__).parents[2] / "checkpoints" / "metricbert-games"


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices are slower on several threads, on a busy machine by a factor of thirty."""
    quiet()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_tokenizer()


@pytest.fixture(scope="session")
def bert() -> BertForMaskedLM:
    return tiny_bert()


@pytest.fixture(scope="session")
def encoder(bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast) -> Encoder:
    """Reads 32 tokens of a text, [CLS] and [SEP] included; 64 padded tokens in one pass."""
    return Encoder(bert.bert, tokenizer, EncoderConfig(max_tokens=MAX_TOKENS, batch_tokens=64))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, bert: BertForMaskedLM) -> Path:
    """A good checkpoint folder, for reading only: copy it before damaging it."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    provenance = Provenance(name="tiny", base_model="none")
    save_checkpoint(folder, bert, tiny_tokenizer(), max_tokens=MAX_TOKENS, provenance=provenance)
    return folder


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory, bert: BertForMaskedLM) -> Path:
    """The tiny model as a base for training, as transformers saves it; for reading only."""
    folder = tmp_path_factory.mktemp("bases") / "tiny-base"
    bert.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def shipped() -> Path:
    if not (SHIPPED / MANIFEST).is_file():
        pytest.skip(f"{SHIPPED} is not there: no trained checkpoint in this copy")
    return SHIPPED
