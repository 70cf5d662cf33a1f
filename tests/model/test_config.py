import dataclasses
from typing import Any

import pytest

from model.config import ConfigError, EncoderConfig, TrainConfig

INFINITE, UNKNOWN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("steps", [0, -1]),
        ("batch_size", [1, 0]),
        ("passage_tokens", [7, 513]),
        ("learning_rate", [0.0, -1e-5, UNKNOWN, INFINITE]),
        ("head_learning_rate", [0.0, UNKNOWN]),
        ("max_grad_norm", [0.0, INFINITE]),
        ("warmup", [-0.1, 1.0, UNKNOWN]),
        ("weight_decay", [-0.1, 1.0]),
        ("margin", [-0.1, 1.0, UNKNOWN]),
        ("heldout", [-0.1, 1.0]),
        ("mask_probability", [0.0, 1.0, UNKNOWN]),
        ("metric_weight", [-1.0, UNKNOWN, INFINITE]),
        ("precision", ["float16", ""]),
        ("seed", [2**70]),
    ],
)
def test_a_training_value_out_of_range_is_refused_by_name(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=f"^{name} is {value}; it must be "):
            TrainConfig(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 1),
        ("batch_size", 2),
        ("passage_tokens", 8),
        ("passage_tokens", 512),
        ("margin", 0.0),
        ("metric_weight", 0.0),
        ("heldout", 0.0),
        ("precision", "bfloat16"),
    ],
)
def test_the_ends_of_the_ranges_are_allowed(name: str, value: Any) -> None:
    assert TrainConfig(**{name: value}).to_dict()[name] == value


@pytest.mark.parametrize("max_tokens", [7, 513, 0, -1])
def test_an_encoder_reads_8_to_512_tokens(max_tokens: int) -> None:
    with pytest.raises(ConfigError, match=f"^max_tokens is {max_tokens}; it must be in 8..512"):
        EncoderConfig(max_tokens=max_tokens)


def test_a_pass_of_the_encoder_holds_at_least_one_text() -> None:
    with pytest.raises(ConfigError, match=r"^batch_tokens is 255; .* max_tokens \(256\)"):
        EncoderConfig(max_tokens=256, batch_tokens=255)
    assert EncoderConfig(max_tokens=256, batch_tokens=256).batch_tokens == 256


def test_settings_travel_as_plain_values_and_back() -> None:
    config = TrainConfig(steps=3, seed=7)
    assert TrainConfig(**config.to_dict()) == config
    assert config.to_dict().keys() == {field.name for field in dataclasses.fields(TrainConfig)}


@pytest.mark.parametrize(
    ("config", "name"), [(TrainConfig(), "steps"), (EncoderConfig(), "max_tokens")]
)
def test_settings_cannot_be_changed_afterwards(config: object, name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, name, 9)
