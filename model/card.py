"""The model card: what a manifest says, for people. Every number in it comes from the manifest."""

from collections.abc import Mapping
from typing import Any

from model.checkpoint import Manifest

_INTENT = """\
Gives items with a title and a description a unit vector; items whose vectors have a small angular
distance are similar. Trained without clicks or judgements of similarity: two passages of one
description belong together. Meant for similar-item lists of a catalogue like the one it was trained
on. Not meant for judging people, for facts about an item, or for languages other than the training
text's.

Similarity is what the text says: two items that are alike but described in different words come
out further apart than they should.
"""

_LOAD = """\
```python
from model.encoder import load_encoder          # this project
from sentence_transformers import SentenceTransformer   # or: SentenceTransformer(folder)
from transformers import AutoModel              # or: mean pooling over the mask, then L2 norm
```

`AutoModelForMaskedLM` finds the masked-language head. Weights lie in float16; all of these compute
in float32. `AutoModel` reports a freshly initialised pooler: mean pooling does not use it.
"""


def card(manifest: Manifest) -> str:
    """Return the card of a checkpoint, in Markdown."""
    return "\n".join(
        [
            f"# {manifest.encoder_id}",
            "",
            f"MetricBERT encoder, {manifest.dimension} dimensions, reads {_reading(manifest)}, "
            f"text recipe `{manifest.text_recipe}`.",
            f"Base model: {manifest.base_model}. Licence: Apache-2.0.",
            "",
            "## Intended use and limits",
            "",
            _INTENT,
            "## Loading",
            "",
            _LOAD,
            *_long_texts(manifest),
            *_teacher(manifest),
            *_section("Training data", manifest.data),
            *_section("Training settings", manifest.config),
            *_section("Measured", manifest.metrics),
        ]
    )


def _reading(manifest: Manifest) -> str:
    tokens = f"{manifest.max_tokens} tokens"
    windows = manifest.max_windows
    return tokens if windows == 1 else f"up to {windows} windows of {tokens}"


def _long_texts(manifest: Manifest) -> list[str]:
    policy = f"Reads {_reading(manifest)} of a text, [CLS] and [SEP] included; the rest is cut."
    if manifest.max_windows > 1:
        policy += (
            "\nA vector is the mean over the tokens of all windows. Other libraries that load the "
            "folder read the first\nwindow only: their vectors of longer texts differ."
        )
    return ["## Long texts", "", policy, ""]


def _teacher(manifest: Manifest) -> list[str]:
    tags = [column for column, _ in manifest.config.get("tags", ())]
    if not manifest.config.get("teacher_weight") or not tags:
        return []
    return [
        "## Columns it learned from",
        "",
        f"In training the catalogue's columns {', '.join(tags)} were a teacher: items that share "
        "their values were\nto lie nearer. A vector is made of title and description alone. For "
        "items of the training catalogue it\nremembers some of the columns; for a new item it "
        "guesses them from the text.",
        "",
    ]


def _section(title: str, values: Mapping[str, Any]) -> list[str]:
    if not values:
        return []
    lines = [f"## {title}", ""]
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lines += [f"- {key}: {value}" for key, value in values.items() if key not in tables]
    for name, rows in tables.items():
        lines += ["", f"{name}:", "", *_table(rows)]
    return [*lines, ""]


def _table(rows: Mapping[str, Any]) -> list[str]:
    """One row a key; columns when the values are mappings themselves."""
    if not all(isinstance(row, Mapping) for row in rows.values()):
        return [f"- {key}: {value}" for key, value in rows.items()]
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    head = f"| | {' | '.join(columns)} |"
    rule = f"|---|{'---|' * len(columns)}"
    body = [
        f"| {name} | {' | '.join(str(row.get(column, '')) for column in columns)} |"
        for name, row in rows.items()
    ]
    return [head, rule, *body]
