"""Runs `counterfoil-verify` as `python -m verify`."""

import sys

from verify.start import main

if __name__ == "__main__":
    sys.exit(main())
