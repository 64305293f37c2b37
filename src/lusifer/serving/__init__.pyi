"""What other packages use of this one; all else in it is its own."""

from .app import (
    create_app as create_app,
)
from .run import (
    serve as serve,
)
from .settings import (
    Limits as Limits,
)
