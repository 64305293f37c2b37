"""The estimate of a run's memory grows with what takes some."""

from __future__ import annotations

import transformers

from lusifer.training.memory import STATE, activation_bytes, training_bytes


def test_a_trained_parameter_takes_four_times_a_frozen_one() -> None:
    assert training_bytes(1000, 0) == 4_000
    assert training_bytes(1000, 1000) == 16_000
    assert training_bytes(1000, 10, 7) == 4_127


def test_states_are_counted_by_token_layer_and_width() -> None:
    config = transformers.BertConfig(num_hidden_layers=3, hidden_size=20)
    assert activation_bytes(100, config) == 100 * 3 * 20 * STATE
    assert activation_bytes(200, config) == 2 * activation_bytes(100, config)
    assert activation_bytes(100, None) == 0
    assert activation_bytes(0, config) == 0
