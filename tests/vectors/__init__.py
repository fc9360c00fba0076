"""Test vectors for any implementation of `verify/SPEC.md`: what to accept and, mostly, to refuse.

    python -m tests.vectors     writes the files beside this one again, octet for octet the same

Each file holds a list of {"desc", "kind", "input", "verdict", "check"?}. Octets are {"text": ...}
where they are UTF-8, else {"hex": ...}; long ones may be {"parts": [...]}, where a part that has
"times" stands so often. `check` is the number of SPEC section 12 where the kernel
and the second verifier name the same one. Nothing is random: keys, nonces and salts follow from
names.
"""
