"""Streams that are closed, narrow, or read no further never end a command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import sys
sys.argv[:] = ["vae-keras"]  # so that Keras is not imported
from vae_keras import cli
def run(arguments):
    for line in range(20_000):
        print("line é", line)
    print("end", file=sys.stderr)
    open("done", "w").close()
    return 0
cli._run = run
sys.exit(cli.main())
"""


@pytest.mark.parametrize(
    "line",
    ['{python} -c "$PROGRAM" | head -1', '{python} -c "$PROGRAM" >&- 2>&- <&-', '{python} -c "$PROGRAM" > x'],
    ids=["a reader that leaves", "closed", "narrow"],
)
def test_what_is_printed_never_ends_the_work(line, tmp_path):
    environment = os.environ | {
        "PROGRAM": PROGRAM,
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
    }
    command = ["bash", "-o", "pipefail", "-c", line.format(python=sys.executable)]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "done").exists() and "Traceback" not in result.stderr
