"""The kinds of task, each a way to score vectors."""
