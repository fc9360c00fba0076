"""Runs `counterfoil` as `python -m api`."""

import sys

from api.start import main

if __name__ == "__main__":
    sys.exit(main())
