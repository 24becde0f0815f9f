"""The site in a real browser: nothing from the network, no sideways scroll, no serious finding of axe.

Skipped where chromium, its driver or selenium is missing; the checks by axe also need npm. Looks at `VAE_KERAS_SITE`, a
site that was built already, or builds one.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import browser as chromium

from conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(chromium.missing()), reason=chromium.missing() or "there"),
]
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the site."""
    if os.environ.get("VAE_KERAS_SITE"):
        return Path(os.environ["VAE_KERAS_SITE"])
    pytest.importorskip("myst_nb")
    out = tmp_path_factory.mktemp("build")
    subprocess.run([sys.executable, ROOT / "docs" / "make_site.py", "--out", out], check=True)
    return out / "site"


@pytest.fixture(scope="module")
def browser():
    """Return a browser, which is closed in the end."""
    started = chromium.start()
    yield started
    started.quit()


@pytest.fixture(scope="module")
def axe():
    """Return the text of axe.min.js."""
    text = chromium.axe_source(ROOT / "build" / "axe")
    if not text:
        pytest.skip("needs axe-core from npm")
    return text


def test_axe_finds_nothing_serious_in_light_and_dark(site, browser, axe):
    found = []
    pages = chromium.pages(site)
    reference = [page for page in pages if page.parent.name == "reference"]
    for page in [
        *(page for page in pages if page not in reference),
        *reference[:4],
    ]:  # all others are of their form
        chromium.load(browser, page)
        for theme, rules in (("light", None), ("dark", ["color-contrast"])):
            chromium.show(browser, 1280, theme)
            for impact, *rest in chromium.findings(browser, axe, rules):
                if impact in SERIOUS:
                    found.append((page.relative_to(site), theme, *rest))
    assert not found, "\n".join(map(str, found))


def test_axe_would_find_something(browser, axe, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        "<html lang=en><title>x</title><main><img src=x><p style='color:#ccc'>faint</p></main></html>"
    )
    chromium.load(browser, page)
    rules = {rule for impact, rule, *_ in chromium.findings(browser, axe) if impact in SERIOUS}
    assert {"image-alt", "color-contrast"} <= rules


def test_pages_fit_a_telephone_and_show_all_their_pictures(site, browser):
    for page in chromium.pages(site):
        chromium.load(browser, page, width=390)
        # a telephone makes window.innerWidth as large as what does not fit
        wide = browser.execute_script("return document.scrollingElement.scrollWidth")
        assert wide <= 390, f"{page.name} scrolls sideways at 390 pixels: {wide}"
        empty = "return [...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
        assert not browser.execute_script(empty), page.name


def test_eight_faces_of_128_pixels_fit_a_wide_screen(site, browser):
    lesson = next(page for page in chromium.pages(site) if page.parent.name == "lessons")
    widths = {}
    for width in (1280, 1600, 1920):
        chromium.load(browser, lesson, width=width)
        widths[width] = browser.execute_script(
            "return document.querySelector('.bd-article').clientWidth - 64"
        )
    assert widths[1280] >= 940 and widths[1920] >= 1056, widths


def test_formulas_and_search_work_without_network(site, browser):
    with_formulas = [page for page in chromium.pages(site) if "MathJax" in page.read_text()]
    lesson = next(page for page in with_formulas if page.parent.name == "lessons")
    chromium.load(browser, lesson)
    drawn = "return document.querySelectorAll('mjx-container svg').length"
    assert browser.execute_script(drawn) > 3
    assert not browser.execute_script("return document.querySelectorAll('mjx-merror').length")
    browser.get(f"{(site / 'search.html').resolve().as_uri()}?q=reparameterization")
    browser.execute_async_script("setTimeout(arguments[0], 3000)")
    assert "Glossary" in browser.find_element("id", "search-results").text


def test_the_contents_of_a_page_open_by_a_button_where_there_is_no_room_beside_it(site, browser):
    lesson = next(page for page in chromium.pages(site) if page.parent.name == "lessons")
    for width in (1280, 390):
        chromium.load(browser, lesson, width=width)
        browser.find_element("css selector", ".secondary-toggle").click()
        dialog = browser.find_element("id", "pst-secondary-sidebar-modal")
        assert dialog.is_displayed() and "Set-up" in dialog.get_attribute("textContent")
