"""Claims on the desk: the taps, their answers, the caps that limit them, and the outbox of the wins.

Called by gateway, API and worker. Knows neither drops nor shards, and no feed.
"""
