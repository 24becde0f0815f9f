"""A browser without a window for the checks of the site. As a program it photographs every page:

python tests/browser/browser.py build/site build/shots
"""

import base64
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

AXE = "axe-core@4"  # the accessibility rules, from npm
WIDTHS = (1280, 390)
# Chromium itself asks for nothing.
QUIET = (
    "disable-quic no-first-run disable-background-networking disable-component-update disable-sync".split()
)


def missing():
    """Return what is missing for checks in a browser, "" where nothing is."""
    for program in ("chromium", "chromedriver"):
        if not shutil.which(program):
            return f"needs {program} (on Debian: chromium, chromium-driver)"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "needs selenium (requirements-site.txt)"
    return ""


def start(*arguments, hosts=""):
    """Return a browser of Debian's chromium.

    Args:
        *arguments: more of its command line, without dashes.
        hosts: the host that it may ask; all others are not found.
    """
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars"):
        options.add_argument(f"--{argument}")
    for argument in (*QUIET, *arguments):
        options.add_argument(f"--{argument}")
    allowed = f", EXCLUDE {hosts}" if hosts else ""
    options.add_argument(f"--host-resolver-rules=MAP * ~NOTFOUND{allowed}")  # nothing comes from the network
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    browser = webdriver.Chrome(options=options, service=service)
    browser.set_page_load_timeout(120)
    browser.set_script_timeout(120)
    return browser


def load(browser, page, width=1280, theme="light", height=900):
    """Open a page from disk at a width, in a theme, and wait until its formulas are drawn."""
    size = dict(width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    address = Path(page).resolve().as_uri()
    browser.get(address)
    stored = "return [localStorage.theme, localStorage.mode]"
    if browser.execute_script(stored) != [theme, theme]:
        browser.execute_script("localStorage.theme = localStorage.mode = arguments[0]", theme)
        browser.get(address)
    browser.execute_async_script(
        "const done = arguments[0]; const maths = window.MathJax && MathJax.startup && MathJax.startup.promise;"
        "document.body.appendChild(document.createElement('style')).textContent = '* {transition: none !important}';"
        "for (const i of document.images) i.loading = 'eager';"
        "Promise.resolve(maths).then(() => Promise.all([...document.images].map(i => i.decode().catch(() => 0))))"
        ".then(() => setTimeout(done, 500))"  # side bars slide in
    )


def photograph(browser, path, slice_height=2000):
    """Save a page as pictures of at most slice_height pixels, and return their paths."""
    size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    paths = []
    for number, top in enumerate(range(0, int(size["height"]), slice_height)):
        height = min(slice_height, size["height"] - top)
        clip = dict(x=0, y=top, width=size["width"], height=height, scale=1)
        shot = browser.execute_cdp_cmd(
            "Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True}
        )
        paths.append(Path(f"{path}-{number:02d}.png"))
        paths[-1].write_bytes(base64.b64decode(shot["data"]))
    return paths


def axe_source(cache):
    """Return the text of axe.min.js, fetched by npm into a folder once; None where there is no npm or no network."""
    found = Path(cache) / "axe.min.js"
    if not found.exists():
        npm = shutil.which("npm")
        if not npm:
            return None
        Path(cache).mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", AXE, "--silent"]
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=120)
        archives = sorted(Path(cache).glob("axe-core-*.tgz"))
        if done.returncode or not archives:
            return None
        with tarfile.open(archives[-1]) as archive:
            found.write_bytes(archive.extractfile("package/axe.min.js").read())
    return found.read_text()


def show(browser, width, theme):
    """Change the width and the theme of the page that is open, without loading it again."""
    size = dict(width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_async_script(
        "document.documentElement.dataset.theme = arguments[0]; setTimeout(arguments[1], 700)", theme
    )


def findings(browser, axe, rules=None):
    """Return what axe finds on the page that is open.

    Args:
        browser: with a page.
        axe: text of axe.min.js.
        rules: names of rules; None: all.

    Returns:
        (impact, rule, number of places, the first of them) of each rule that is broken.
    """
    if not browser.execute_script("return Boolean(window.axe)"):
        browser.execute_script(axe)
    options = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    # What MathJax draws, thousands of nodes, has a reading of its own; code is coloured alike on the whole page.
    browser.execute_script(
        "[...document.querySelectorAll('.bd-article .highlight')].slice(6).map(e => e.dataset.alike = '')"
    )
    context = {"exclude": ["mjx-container", ".highlight[data-alike]"]}
    run = "axe.run(arguments[0], arguments[1]).then(arguments[2])"
    result = browser.execute_async_script(run, context, options)
    found = []
    for rule in result["violations"]:
        places = rule["nodes"]
        first = f"{places[0]['html'][:200]} {places[0]['failureSummary'][:300]}"
        found.append((rule["impact"], rule["id"], len(places), first))
    return found


def pages(site):
    """Return the pages of the site, as paths; the studio, which needs a server, has tests of its own."""
    apart = {"_static", "studio"}
    return [
        path for path in sorted(Path(site).rglob("*.html")) if not apart & set(path.relative_to(site).parts)
    ]


def main():
    """Photograph every page at both widths, light and dark."""
    site, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    browser = start()
    try:
        for page in pages(site):
            if len(sys.argv) > 3 and sys.argv[3] not in str(page):
                continue
            name = "-".join(page.relative_to(site).with_suffix("").parts)
            for theme in ("light", "dark"):
                for width in WIDTHS:
                    load(browser, page, width, theme)
                    print(*photograph(browser, out / f"{name}-{theme}-{width}"), sep=os.linesep)
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
