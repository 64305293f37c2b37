"""Any embedding model, every language.

    import lusifer
    model = lusifer.load("out/minilm/model")
    vectors = model.encode(["Wo ist der Bahnhof?", "Where is the station?"])

The names below are the public API: every verb, and every type that a verb takes or returns. Each is
imported when it is first used, so `import lusifer` stays light.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

from lusifer.version import __version__ as __version__

_named, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ = sorted({"curate", *__all__} - {"__version__", "curation"})


def __getattr__(name: str) -> Any:
    """The names of `__init__.pyi`, and `curate`, what the package of curation was called before."""
    return _named("curation" if name == "curate" else name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
