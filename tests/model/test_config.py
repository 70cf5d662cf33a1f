import dataclasses
from typing import Any

import pytest

from model.config import CHOICES, ConfigError, EncoderConfig, TrainConfig

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
        ("mask_probability", [0.0, 1.0, UNKNOWN]),
        ("metric_weight", [-1.0, UNKNOWN, INFINITE]),
        ("heldout", [-0.1, 1.0]),
        ("dropout", [-0.1, 1.0]),
        ("temperature", [0.0, UNKNOWN]),
        ("title_share", [-0.1, 1.1, UNKNOWN]),
        ("mlm_share", [0.0, 1.1]),
        ("mlm_weight", [-1.0]),
        ("teacher_weight", [-1.0, INFINITE]),
        ("chunk_size", [-1]),
        ("head_steps", [-1]),
        ("evaluate_every", [-1]),
        ("patience", [-1]),
        ("save_every", [0]),
        ("seed", [-1, 2**70]),
    ],
)
def test_a_training_value_out_of_range_is_refused_by_name(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=f"^{name} is {value}; it must be "):
            TrainConfig(**{name: value})


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_names_its_values(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        TrainConfig(**{name: "none"})  # type: ignore[arg-type]
    assert str(refused.value) == f"{name} is 'none'; it must be one of {', '.join(CHOICES[name])}"
    for value in CHOICES[name]:
        assert getattr(TrainConfig(**{name: value}), name) == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"batch_size": 40, "chunk_size": 12},
            r"chunk_size is 12; it must be a divisor of batch_size \(40\)",
        ),
        (
            {"masked_pass": True, "mlm_share": 0.5},
            "mlm_share is 0.5; it must be 1 when masked_pass",
        ),
        (
            {"metric_weight": 0.0, "mlm_weight": 0.0},
            "metric_weight, mlm_weight, teacher_weight is 0; it must be above 0 for at least one",
        ),
        ({"patience": 2}, "patience is 2; it must be 0 when evaluate_every is 0"),
        ({"words": 0.5}, "words is 0.5; it must be 0 when teacher_weight is 0"),
        ({"titles": 0.5}, "titles is 0.5; it must be 0 when teacher_weight is 0"),
        ({"mutual": 1.5}, "mutual is 1.5; it must be in "),
        ({"mined": -1}, "mined is -1; it must be 0 or more"),
        (
            {"teacher_base": "bert"},
            "teacher_base is 'bert'; it must be empty when teacher_weight, mutual and mined are 0",
        ),
        ({"tags": (("year", 0.0),)}, "tags: year is 0.0; it must be a positive weight"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        TrainConfig(**values)


def test_settings_are_changed_by_name() -> None:
    plain = TrainConfig()
    changed = plain.changed(
        ["steps=7", "margin=0.25", "metric=cosine", "whole_words=true", "tags=genres:0.2,year:1"]
    )
    assert (changed.steps, changed.margin, changed.metric) == (7, 0.25, "cosine")
    assert changed.whole_words is True
    assert changed.tags == (("genres", 0.2), ("year", 1.0))
    assert plain == TrainConfig()  # a copy was changed
    assert changed.changed(["tags=", "whole_words=false"]).tags == ()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("pace=3", "unknown setting 'pace'; there are passages, title_share, .*seed"),
        ("steps=many", "steps is 'many'; it must be a whole number"),
        ("steps=2.5", "steps is '2.5'; it must be a whole number"),
        ("steps", "steps is ''; it must be a whole number"),
        ("margin=wide", "margin is 'wide'; it must be a number"),
        ("margin=nan", "margin is nan; it must be in \\[0, 1\\)"),
        ("whole_words=yes", "whole_words is 'yes'; it must be true or false"),
        ("metric=l2", "metric is 'l2'; it must be one of triplet-angular, "),
        ("tags=genres", "tags is 'genres'; write COLUMN:WEIGHT, like genres:0.2"),
        ("tags=genres:-1", "tags: genres is -1.0; it must be a positive weight"),
    ],
)
def test_a_change_that_cannot_be_made_names_value_and_remedy(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        TrainConfig().changed([setting])


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
        ("title_share", 1.0),
        ("mlm_share", 1.0),
        ("chunk_size", 1),
        ("chunk_size", 40),
        ("head_steps", 0),
        ("evaluate_every", 1),
        ("seed", 2**63 - 1),
    ],
)
def test_the_ends_of_the_ranges_are_allowed(name: str, value: Any) -> None:
    assert TrainConfig(**{name: value}).to_dict()[name] == value


@pytest.mark.parametrize("max_tokens", [7, 513, 0, -1])
def test_an_encoder_reads_8_to_512_tokens(max_tokens: int) -> None:
    with pytest.raises(ConfigError, match=f"^max_tokens is {max_tokens}; it must be in 8..512"):
        EncoderConfig(max_tokens=max_tokens)


@pytest.mark.parametrize("max_windows", [0, 65, -1])
def test_an_encoder_reads_1_to_64_windows(max_windows: int) -> None:
    with pytest.raises(ConfigError, match=f"^max_windows is {max_windows}; it must be in 1..64"):
        EncoderConfig(max_windows=max_windows)
    assert [EncoderConfig(max_windows=n).max_windows for n in (1, 64)] == [1, 64]


def test_a_pass_of_the_encoder_holds_at_least_one_text() -> None:
    with pytest.raises(ConfigError, match=r"^batch_tokens is 255; .* max_tokens \(256\)"):
        EncoderConfig(max_tokens=256, batch_tokens=255)
    assert EncoderConfig(max_tokens=256, batch_tokens=256).batch_tokens == 256


def test_settings_travel_as_plain_values_and_back() -> None:
    config = TrainConfig(steps=3, seed=7, tags=(("year", 0.5),))
    assert TrainConfig(**config.to_dict()) == config
    assert config.to_dict().keys() == {field.name for field in dataclasses.fields(TrainConfig)}


@pytest.mark.parametrize(
    ("config", "name"), [(TrainConfig(), "steps"), (EncoderConfig(), "max_tokens")]
)
def test_settings_cannot_be_changed_afterwards(config: object, name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, name, 9)
