"""Evaluation: tasks, scores, tests of differences. `lusifer.evaluate(model, root)` is `run.evaluate`."""

from lusifer.callable import callable_package

callable_package(__name__, "run")
