"""The version, by itself, so that every floor may name it without an import of the public API above
it.
"""

__version__ = "0.1.0"
