"""Training runs on the accelerator that torch has."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lusifer.training import loop
from lusifer.training.device import device_type, has_bf16
from lusifer.training.loop import arguments
from lusifer.training.optim import Optim, use_bf16


def there_is(monkeypatch: pytest.MonkeyPatch, kind: str | None) -> None:
    found = SimpleNamespace(type=kind) if kind else None

    monkeypatch.setattr(
        torch.accelerator, "current_accelerator", lambda check_available=False: found
    )


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu", None])
def test_it_is_torch_s_own(
    monkeypatch: pytest.MonkeyPatch, kind: str | None, tmp_path: Any
) -> None:
    there_is(monkeypatch, kind)
    assert device_type() == (kind or "cpu")
    monkeypatch.undo()
    monkeypatch.setattr(loop, "device_type", lambda: kind or "cpu")
    seen = arguments(
        Optim(precision="fp32"), tmp_path, 0, cls=lambda **given: SimpleNamespace(**given, n_gpu=0)
    )  # type: ignore[arg-type]
    assert seen.use_cpu == (kind is None)


def test_bf16_is_taken_where_the_device_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(torch.xpu, "is_bf16_supported", lambda: False)
    assert [has_bf16(kind) for kind in ("cuda", "xpu", "mps", "privateuseone")] == [
        True,
        False,
        False,
        False,
    ]
    there_is(monkeypatch, "cuda")
    assert use_bf16("auto")
    there_is(monkeypatch, "mps")
    assert not use_bf16("auto")
    assert use_bf16("bf16")
