"""Hypothesis profiles: the same examples in every run, and no deadline on a busy machine.

Interruptions end what is tested, also where the tests run in the background.
"""

import os
import signal

from hypothesis import HealthCheck, settings

# What tests start is interrupted by them, also where they run in the background or below `nohup`:
# then it would inherit to pass interruptions over, and never end.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

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
