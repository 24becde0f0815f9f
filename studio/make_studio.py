"""Puts the studio together (`make studio`, `make site`): the page, ONNX Runtime from npm, and the exported models.

`--serve` shows it on this computer alone.
"""

import argparse
import functools
import hashlib
import http.server
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

STUDIO = Path(__file__).resolve().parent
ROOT = STUDIO.parent
RUNTIME = STUDIO / "node_modules" / "onnxruntime-web"
VENDOR = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
PAGE = ("index.html", "studio.css", "icon.svg", "sw.js", "js")
LICENCE = ROOT / "vae_keras" / "hub" / "weights" / "LICENSE.md"
# What the first face needs besides the page. Other files are kept when they are first used.
FIRST_MODEL = ("model.json", "numbers.bin", "decoder.onnx")


def missing() -> str:
    """Return what is missing to build the studio, "" where nothing is."""
    for package in ("tensorflow", "tf2onnx", "onnx"):
        if not importlib.util.find_spec(package):
            return f"the Python package {package} (requirements-dev.txt)"
    if not RUNTIME.exists() and not shutil.which("npm"):
        return "npm (on Debian: apt-get install npm)"
    return ""


def fetch_runtime():
    """Install ONNX Runtime from npm, in the version of package-lock.json, where it is not there."""
    wanted = json.loads((STUDIO / "package-lock.json").read_text())
    version = wanted["packages"]["node_modules/onnxruntime-web"]["version"]
    installed = RUNTIME / "package.json"
    if installed.exists() and json.loads(installed.read_text())["version"] == version:
        return
    print(f"fetching ONNX Runtime {version} from npm")
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(command, cwd=STUDIO, check=True)


def export_models(out: Path):
    """Export the models that ship into a folder, where they are not there already."""
    subprocess.run([sys.executable, STUDIO / "export.py", "--out", out], check=True)


def assemble(models: Path, out: Path):
    """Write the studio's folder anew.

    Args:
        models: folder of the exported models.
        out: folder of the studio; a studio that was there is removed.

    Raises:
        SystemExit: The folder holds something else.
    """
    if out.exists() and any(out.iterdir()) and not (out / "version.js").exists():
        sys.exit(f"error: {out} holds something else than a studio: give --out a new folder")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in PAGE:
        source = STUDIO / name
        if source.is_dir():
            shutil.copytree(source, out / name)
        else:
            shutil.copy(source, out)
    (out / "vendor").mkdir()
    for name in VENDOR:
        shutil.copy(RUNTIME / "dist" / name, out / "vendor")
    shutil.copytree(models, out / "models", ignore=shutil.ignore_patterns(".*"))
    shutil.copy(LICENCE, out / "weights-licence.txt")
    write_version(out)


def write_version(out: Path):
    """Write version.js for the service worker: a version that changes with the files, and what it keeps at once."""
    files = sorted(path for path in out.rglob("*") if path.is_file() and path.name != "version.js")
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    names = [path.relative_to(out).as_posix() for path in files]
    page = [name for name in names if not name.startswith("models/") and name not in ("sw.js", "version.js")]
    first = [f"models/celeba/{name}" for name in FIRST_MODEL]
    kept = json.dumps(["./", *page, *first], indent=1)
    (out / "version.js").write_text(f'const VERSION = "{digest.hexdigest()[:12]}";\nconst FILES = {kept};\n')


def link_course(folder: Path):
    """Show the link to the course, in a studio that stands in the course's site."""
    page = folder / "index.html"
    page.write_text(
        page.read_text().replace(
            '<a id="course" href="../index.html" hidden>', '<a id="course" href="../index.html">'
        )
    )
    write_version(folder)


def build(out: Path):
    """Build the studio in a folder.

    Raises:
        subprocess.CalledProcessError: npm or the export failed; it has said why.
    """
    models = ROOT / "build" / "studio-models"
    fetch_runtime()
    export_models(models)
    assemble(models, out)


def serve(folder: Path, port: int):
    """Serve a folder on 127.0.0.1 until it is stopped; port 0 takes one that is free."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(
            f"the studio is at http://127.0.0.1:{server.server_address[1]}/  (stop with Ctrl+C)", flush=True
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files without writing a line for each, with the types that browsers insist on."""

    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *_):
        """Say nothing."""


def main():
    """Build the studio, and serve it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "studio", help="folder of the studio")
    parser.add_argument("--serve", action="store_true", help="serve it on 127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="of the server; 0: any")
    options = parser.parse_args()
    if missing():
        sys.exit(f"error: the studio needs {missing()}")
    try:
        build(options.out.resolve())
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {error.cmd[0]} failed while the studio was built; the reason stands above")
    print(f"the studio stands in {options.out}")
    if options.serve:
        serve(options.out.resolve(), options.port)


if __name__ == "__main__":
    main()
