"""Training, stage by stage. `lusifer.train(recipe)` is `run.train`."""

from lusifer.callable import callable_package

callable_package(__name__, "run")
