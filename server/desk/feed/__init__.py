"""The feed: what rooms are told, who is in them, and the subscriptions by which gateways hear it.

Called by flows, worker and gateway. Knows nothing of the desk.
"""
