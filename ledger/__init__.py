"""Keep a valid ledger: storage, proofs, keys, import, export, chronology.

`ledger` stands on `verify`, which alone says what a valid ledger is, and below `api`.
The folds over accepted events (dates, clocks, timelines) are pure: no storage, network or clock.
"""
