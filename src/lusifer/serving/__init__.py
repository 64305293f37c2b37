"""Models and an index behind HTTP: OpenAI's and TEI's endpoints, reranking, search and its page."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
