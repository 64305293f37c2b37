"""What a language is and how it is written: codes, names, identification, sentences, words."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
