"""`python -m model settings`: every setting of a training run, and the variants by name."""

import inspect
from dataclasses import fields

from model.config import CHOICES, TrainConfig
from model.variants import VARIANTS


def settings() -> None:
    """List every setting with its default, and what each variant changes."""
    for field in fields(TrainConfig):
        choices = f"  ({' | '.join(CHOICES[field.name])})" if field.name in CHOICES else ""
        print(f"{field.name}={field.default}{choices}")
    print(f"\n{inspect.getdoc(TrainConfig)}\n")
    for name, each in VARIANTS.items():
        print(f"--variant {name}: {each.title}  [{' '.join(each.settings) or 'the defaults'}]")
