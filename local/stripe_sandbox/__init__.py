"""A stand-in for Stripe on this machine: the slice of its API that a checkout uses, in memory.

It speaks one pinned API version and refuses what Stripe would refuse, in Stripe's words. Run it with
``python -m local.stripe_sandbox``, or inside a test with `local.stripe_sandbox.server.serve`.
"""
