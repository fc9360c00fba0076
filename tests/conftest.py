"""Hypothesis profiles: the same examples in every run, and no deadline on a busy machine."""

import os

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
