"""Pure folds over a view: what the events, taken together, establish and what each party tells.

No fold has a clock: the day as at which it is asked is an argument. None decides what is valid.
Every state is folded twice by one function: established, by steps signed by those entitled; and
as told by a party, by all that it asserts, as if true. The two are never merged.
"""
