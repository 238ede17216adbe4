"""The load tester: Locust users (locustfile.py), the storm generator, and one verdict for both.

Knows the service only from outside: `client_sdk`, HTTP and sockets. Locust puts this folder on
`sys.path`, so no file in it may carry the name of a module of the standard library.
"""
