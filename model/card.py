"""The model card: what a manifest says, for people. Every number in it comes from the manifest."""

from collections.abc import Mapping
from typing import Any

from model.checkpoint import Manifest

_INTENT = """\
Gives items with a title and a description a unit vector; items whose vectors have a small angular
distance are similar. Trained without labels or clicks: two passages of one description belong
together. Meant for similar-item lists of a catalogue like the one it was trained on. Not meant for
judging people, for facts about an item, or for languages other than the training text's.

Similarity is what the text says: two games that play alike but are described in different words
come out further apart than they should, and a shared setting can weigh more than a shared way to
play.
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
            f"MetricBERT encoder, {manifest.dimension} dimensions, reads "
            f"{manifest.max_tokens} tokens, text recipe `{manifest.text_recipe}`.",
            f"Base model: {manifest.base_model}. Licence: Apache-2.0.",
            "",
            "## Intended use and limits",
            "",
            _INTENT,
            "## Loading",
            "",
            _LOAD,
            *_section("Training data", manifest.data),
            *_section("Training settings", manifest.config),
            *_section("Measured", manifest.metrics),
        ]
    )


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
