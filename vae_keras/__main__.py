"""`python -m vae_keras`: see `cli`."""

import gc
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it once, when it is imported

from vae_keras import cli  # noqa: E402

if __name__ == "__main__":
    status = cli.main()
    gc.freeze()  # or Python looks through all that was imported for garbage before it ends, for most of a second
    sys.exit(status)
