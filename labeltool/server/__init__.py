"""The label server: one ASGI app with the `/api` routes, the pages, and a guard before all of it."""
