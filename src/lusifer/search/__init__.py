"""An index of passages in any language, questions to it, and bitext mining."""
