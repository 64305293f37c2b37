"""The HTTP APIs, one file each: its requests, its routes and its answers."""
