from dataclasses import fields

from model.config import CHOICES, TrainConfig
from model.variants import VARIANTS
from tests.model.commands.conftest import Command


def test_every_setting_is_listed_with_its_default_and_choices(command: Command) -> None:
    code, lines = command("settings")
    assert code == 0
    for field in fields(TrainConfig):
        listed = next(line for line in lines if line.startswith(f"{field.name}="))
        assert listed.startswith(f"{field.name}={field.default}")
        assert all(choice in listed for choice in CHOICES.get(field.name, ()))


def test_every_variant_is_listed_with_what_it_changes(command: Command) -> None:
    _, lines = command("settings")
    for name, each in VARIANTS.items():
        listed = next(line for line in lines if line.startswith(f"--variant {name}:"))
        assert each.title in listed
        assert all(setting in listed for setting in each.settings)


def test_every_setting_is_explained(command: Command) -> None:
    text = " ".join(command("settings")[1])
    told = ("early", "steps: ", "chunk_size: ", "patience: ", "tags: ", "whole_words: ")
    assert all(part in text for part in told[1:])
