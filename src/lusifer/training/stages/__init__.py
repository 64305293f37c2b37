"""The stages that a recipe may name, one file each."""
