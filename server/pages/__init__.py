"""The web pages: templates, styles and scripts, and the routes that serve them.

The composition root of a web process adds the routes of `server.pages.routes.page_routes`. This package
reads no settings, no database and no Redis: a page's script fetches its data from the public API.
"""
