"""The search page: server-rendered HTML, which asks no other machine for anything."""
