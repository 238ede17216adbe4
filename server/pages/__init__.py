"""The pages people see: templates, css and js, and the routes that serve them.

The web process asks `server.pages.routes.page_routes` for its routes. Nothing here reads settings, the
database or Redis: what a page shows, it fetches itself over the public API.
"""
