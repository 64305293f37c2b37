"""Another form of a model without training: merged, combined, trimmed, whitened, quantized,
exported.
"""
