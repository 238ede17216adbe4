"""The HTTP part: every call of the contract's table, its OpenAPI document and its error answers.

Built by the composition root through `server.api.app.build_app`. Handlers translate: pydantic models
at the edge, core's shapes inside, flows for everything that is decided. Read `endpoints.py` (what a call
is), `dispatch.py` (what happens to every request), then one file per resource.
"""
