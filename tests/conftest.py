"""Hypothesis profiles: the same examples in every run, and no deadline on a busy machine.

Interruptions end what is tested, also where a shell started the tests in the background.
"""

import os
import signal

from hypothesis import HealthCheck, settings

for name, examples in (("dev", 60), ("ci", 200)):
    settings.register_profile(
        name,
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=examples,
        print_blob=False,
        suppress_health_check=(HealthCheck.too_slow,),
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# A shell has what it starts in the background ignore interruptions, and whoever that starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
