"""The demo shop's back end: what a school's own shop does with Classdrop, in miniature.

Made by the composition root of a `web` process, and only where CLASSDROP_DEMO_SHOP says so (as
`python -m server` without a role does): whoever presses "pay" here has paid. It knows Classdrop as a school
would, by its HTTP API and a service token of its own making that no browser sees; import-linter keeps it from
knowing more. Prices are its catalogue's, students and operators are who their tokens say.

Read in this order: `catalogue` and `bodies` (what is sold, what browsers may ask), `goods` (a cart with its
prices), `classdrop` (the calls), `order_book` (what the shop keeps), `till` (quote, order, pay, refund),
`routes`.
"""
