"""What other packages use of this one; all else in it is its own."""

from .assemble import save_model as save_model
from .find_lr import (
    find_lr as find_lr,
)
from .losses.distillation import Term as Term
from .losses.pair_terms import PairTerm as PairTerm, PairVectors as PairVectors
from .processes import (
    leave_together as leave_together,
)
from .run import (
    check_keys as check_keys,
    load_recipe as load_recipe,
    plan as plan,
    train as train,
)
from .run_log import (
    validated as validated,
)
from .stage import Run as Run, Save as Save, Stage as Stage
from .texts import TextData as TextData, read_texts as read_texts
