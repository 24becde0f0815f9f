#!/usr/bin/env bash
# Makes a Colab runtime (or any Python) ready for the course, and may be run as often as one likes. It installs only
# packages that are missing altogether: Colab ships most, and replacing one there asks for a restart.
# Usage: bash colab_setup.sh [the Python to look at]
set -euo pipefail

"${1:-python3}" - <<'PYTHON'
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys

# What is imported, and the package that brings it.
packages = {
    "tensorflow": "tensorflow", "keras": "keras", "numpy": "numpy", "pandas": "pandas", "scipy": "scipy",
    "sklearn": "scikit-learn", "skimage": "scikit-image", "cv2": "opencv-python-headless", "PIL": "pillow",
    "matplotlib": "matplotlib", "seaborn": "seaborn", "tqdm": "tqdm", "kagglehub": "kagglehub",
    "threadpoolctl": "threadpoolctl", "h5py": "h5py", "mtcnn": "mtcnn", "av": "av", "ipywidgets": "ipywidgets",
    "constriction": "constriction",
}  # fmt: skip
missing = [package for module, package in packages.items() if importlib.util.find_spec(module) is None]
if missing:
    print("installing what is missing:", ", ".join(missing), flush=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], check=True)

versions = {package.name.lower(): package.version for package in importlib.metadata.distributions()}
shown = ["tensorflow", "tensorflow-cpu", "keras", "numpy", "pandas", "scikit-learn"]
found = [f"{name} {versions[name]}" for name in shown if name in versions]
print(f"Python {sys.version.split()[0]}, {', '.join(found)}")

if shutil.which("nvidia-smi") is None or subprocess.run(["nvidia-smi", "-L"], capture_output=True).returncode:
    print("No GPU here: the lessons run with fewer pictures; the column cpu above says the minutes.")
    print("In Colab, choose a GPU before you start: menu Runtime, Change runtime type, T4 GPU.")
PYTHON
