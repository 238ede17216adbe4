"""The HTTP API: every endpoint of the contract, the OpenAPI document and the error responses.

Built by the composition root through `server.api.app.build_app`. A handler only translates: it turns a
pydantic model into core's types, calls a flow, which decides, and turns the result into a response model.

`http/` is what all endpoints share; begin with `endpoints.py` (what an endpoint is) and `dispatch.py` (the
steps of every request). The other folders have one module for each resource, by subject.
"""
