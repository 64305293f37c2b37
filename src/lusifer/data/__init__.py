"""Rows and documents out of files, and how training draws from them."""
