"""Packages that share their name with a function of the public API: `lusifer.train(...)`, and `lusifer.train.losses` as well."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


def callable_package(package: str, module: str) -> None:
    """Let `package` be called as the function of its own name in `package.module`.

    Python sets an imported subpackage as its parent's attribute; a function of the same name would be gone from then on.
    """
    function = package.rpartition(".")[2]

    class Callable(ModuleType):
        def __call__(self, *args: Any, **settings: Any) -> Any:
            return getattr(importlib.import_module(f"{package}.{module}"), function)(*args, **settings)

    sys.modules[package].__class__ = Callable
