"""Models: the one seam (`Embedder`), what loads them, what runs them, and the bridge."""
