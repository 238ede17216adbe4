"""The back end of the demo shop: a small example of how a school's own shop uses Classdrop.

Made by the composition root of a `web` process, only where CLASSDROP_DEMO_SHOP is on (as it is for
`python -m server` without a role), because no real payment is made here. The shop uses Classdrop as a school
would: by the HTTP API, with a service token that it signs itself and that no browser sees. import-linter
proves that it uses nothing else.

Read in this order: `catalogue` and `bodies` (the courses, the requests of browsers), `cart` (a cart with its
prices), `classdrop` (the client of the API), `order_book` (the shop's database), `checkout` (quote, order,
payment, refund), `routes`.
"""
