"""What runs a model: torch (padded or end to end), ONNX, a static table, an endpoint; and the
engine that feeds them.
"""
