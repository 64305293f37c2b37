"""Connectors: from the encoder's token states to the target's input embeddings. One file each, which
holds its settings and its code; a file that is put here is found.

Each takes states (n, length, e) and a mask (n, length) and gives states (n, length', t) and a mask.
Its own trained vectors (`tokens`) stand directly after the last real one, never after padding: a
vector must not depend on its batch.
"""

from importlib import import_module
from pkgutil import iter_modules

from lusifer.models.bridge.connectors.base import (
    Connector,
    ConnectorConfig,
    make_connector,
    to_front,
)

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["Connector", "ConnectorConfig", "make_connector", "to_front"]
