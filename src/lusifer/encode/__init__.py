"""Texts → vectors in bulk. `lusifer.encode(files, into)` is `bulk.encode`."""

from lusifer.callable import callable_package

callable_package(__name__, "bulk")
