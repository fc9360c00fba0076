"""The edge: HTTP over a ledger.

Nothing is decided here. What is accepted `verify` says, what is kept `ledger` keeps; this floor
reads requests within limits, hands them down, and puts the answer into words of HTTP.
"""
