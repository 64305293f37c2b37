"""Texts to vectors, many at a time: bulk runs that resume, a cache on disk, exact neighbors."""
