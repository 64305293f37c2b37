"""The device that training runs on: the accelerator that torch has here (an NVIDIA or AMD GPU as `cuda`,
Apple's as `mps`, Intel's as `xpu`), else the CPU.
"""

from __future__ import annotations

import torch


def device_type() -> str:
    """torch's name of the kind of device: `cuda`, `mps`, `xpu` or another, or `cpu`."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return found.type if found is not None else "cpu"


def has_bf16(device: str) -> bool:
    """Whether a kind of device computes in bf16 by itself; a CPU where it gains by it (about 3x fp32).

    Args:
        device: as `device_type` gives it.
    """
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "xpu":
        return bool(torch.xpu.is_bf16_supported())
    if device == "cpu":
        return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
    return False  # Apple's has it since M2, but torch's autocast there is not complete
