"""Files: written aside and renamed, locked, hashed, on a disk or in an object store."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
