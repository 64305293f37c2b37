"""Scores as a page of plots and as tables of text."""
