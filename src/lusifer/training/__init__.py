"""Training: one file a stage in `stages/`, one file a loss in `losses/`, and what all stages share
beside them.
"""
