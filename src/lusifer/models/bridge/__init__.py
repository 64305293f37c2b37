"""The bridge: a multilingual encoder, a trained connector and an English target as one
sentence-transformers module.
"""

from lusifer.models.bridge.module import Bridge

__all__ = ["Bridge"]
