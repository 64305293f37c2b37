"""What other packages use of this one; all else in it is its own."""

from .loop import (
    leave_together as leave_together,
)
from .run import (
    load_recipe as load_recipe,
    plan as plan,
    train as train,
)
