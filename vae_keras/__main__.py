"""`python -m vae_keras`: the command line."""

import sys

from vae_keras.cli import main

if __name__ == "__main__":
    sys.exit(main())
