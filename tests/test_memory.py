"""Memory that was freed is used again."""

import os
import platform
import subprocess
import sys

import pytest

from conftest import ROOT

FAULTS = """
import resource
import sys
sys.argv[0] = "vae-keras"  # without Keras
{}
import numpy as np
np.ones(1 << 22)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(1 << 22)  # 32 MB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(line):
    result = subprocess.run(
        [sys.executable, "-c", FAULTS.format(line)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    return int(result.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_pages_are_not_asked_for_again():
    assert page_faults("import vae_keras") < page_faults("") / 10


def test_what_the_user_has_set_stays(monkeypatch):
    from vae_keras.memory import keep_freed_memory

    monkeypatch.setenv("TF_CPU_ALLOCATOR_USE_BFC", "0")
    keep_freed_memory()
    assert os.environ["TF_CPU_ALLOCATOR_USE_BFC"] == "0"
