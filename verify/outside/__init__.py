"""Outside evidence, checked again with the libraries made for it: an optional extra.

Nothing of the kernel needs this package, and no verdict depends on it. Where its libraries are
not installed, a report says that outside evidence was not checked.
"""
