"""A target that connectors write for."""

from __future__ import annotations

import pytest
import torch
import transformers

from tests.conftest import tiny_config


@pytest.fixture
def target() -> torch.nn.Module:
    return transformers.AutoModel.from_config(tiny_config("llama"))
