"""Make training data better: negatives mined, rows filtered, pairs written, each with a report of what was dropped and why."""
