"""What is wrong with a model, language by language: alignment, fertility, sticky tokens, layers,
robustness.
"""
