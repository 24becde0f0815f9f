"""The studio in a real browser, served on loopback: faces as in Python, every control, a photograph, no network.

Skipped where chromium, its driver, selenium, npm or tf2onnx is missing. Looks at `VAE_KERAS_STUDIO`, a studio that was
built already, or builds one.
"""

import base64
import functools
import gzip
import http.server
import io
import os
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "studio")]

import browser as chromium  # noqa: E402
import make_studio  # noqa: E402

from conftest import ROOT  # noqa: E402

NEEDED = chromium.missing() or ("" if os.environ.get("VAE_KERAS_STUDIO") else make_studio.missing())
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(NEEDED), reason=f"needs {NEEDED}")]
MOST_BYTES = 9_000_000  # compressed, for the first face
LONGEST = 500  # milliseconds: the aim is 50 on an idle machine, which is printed; a busy one is no failure
# Eyes and corners of the mouth of scikit-image's astronaut, 512×512.
ASTRONAUT = [(204.0, 116.0), (251.0, 113.0), (207.0, 163.0), (249.0, 161.0)]


class Server:
    """The studio on a port of this computer."""

    def __init__(self, folder):
        handler = functools.partial(make_studio.Handler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def stop(self):
        """End the server: nothing answers any more."""
        self.server.shutdown()
        self.server.server_close()


class Page:
    """The studio in a browser."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address

    def open(self, fragment="", width=1280, theme="light"):
        """Open the studio anew and wait for its first face."""
        self.resize(width, theme)
        self.driver.get("about:blank")
        self.driver.get(self.address + fragment)
        self.wait("document.body.dataset.ready && document.body.dataset.drawn")

    def resize(self, width, theme="light"):
        """Change width and theme."""
        size = dict(width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = [{"name": "prefers-color-scheme", "value": theme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})

    def run(self, code, *values):
        """Run JavaScript and return what it returns."""
        return self.driver.execute_script(code, *values)

    def run_async(self, code, *values):
        """Run JavaScript that awaits, and return what it returns."""
        wrapped = f"const done = arguments[arguments.length - 1]; (async () => {{{code}}})().then(done)"
        return self.driver.execute_async_script(wrapped, *values)

    def wait(self, condition, seconds=60):
        """Wait until JavaScript is true."""
        end = time.monotonic() + seconds
        while not self.run(f"return Boolean({condition})"):
            assert time.monotonic() < end, f"never true: {condition}; {self.text('status')}"
            time.sleep(0.05)

    def redrawn(self, action):
        """Do something, and wait until the face was drawn once more."""
        before = self.run("return Number(document.body.dataset.drawn)")
        action()
        self.wait(f"Number(document.body.dataset.drawn) > {before}")

    def click(self, name):
        """Click a control by its id."""
        self.driver.find_element("id", name).click()

    def text(self, name):
        """Return the text of an element by its id."""
        return self.driver.find_element("id", name).text

    def slide(self, name, value):
        """Move a slider as a hand does: reports while it moves, and one at the end."""
        code = (
            "const input = document.getElementById(arguments[0]); input.value = arguments[1];"
            "input.dispatchEvent(new Event('input')); input.dispatchEvent(new Event('change'));"
        )
        self.redrawn(lambda: self.run(code, name, value))

    def pixels(self):
        """Return the face at the model's own size, uint8 (64, 64, 3)."""
        return np.array(self.run("return Array.from(studio.stage.pixels)"), "uint8").reshape(64, 64, 3)

    def code(self):
        """Return the code of the face without the sliders' changes, float32 (1, 128)."""
        return np.array([self.run("return Array.from(studio.state.base)")], "float32")

    def picture(self):
        """Return what the large canvas shows, uint8 (height, width, 3)."""
        data = self.run("return document.getElementById('face').toDataURL('image/png')")
        return read_png(base64.b64decode(data.partition(",")[2]))


def read_png(data):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of the studio."""
    if os.environ.get("VAE_KERAS_STUDIO"):
        return Path(os.environ["VAE_KERAS_STUDIO"])
    out = tmp_path_factory.mktemp("studio") / "studio"
    command = [sys.executable, ROOT / "studio" / "make_studio.py", "--out", out]
    subprocess.run(command, check=True)
    return out


@pytest.fixture(scope="module")
def server(folder):
    started = Server(folder)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def driver():
    camera = ("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream")
    started = chromium.start(*camera, hosts="127.0.0.1")
    yield started
    started.quit()


@pytest.fixture
def page(driver, server):
    return Page(driver, server.address)


@pytest.fixture(scope="module")
def models():
    """Return a function that loads a model that ships, once."""
    from vae_keras import hub

    return functools.cache(hub.load)


def decode(model, z):
    from vae_keras import latent

    return latent.decode(model.vae, z)[0].astype(int)


# Faces.


def test_the_first_face_weighs_less_than_nine_megabytes(page, folder):
    page.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    page.open()
    page.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})
    names = [
        entry.removeprefix(page.address).partition("#")[0]
        for entry in page.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    ]
    late = ("encoder.onnx", "guess.onnx", "version.js", "sw.js")  # asked for after the first face
    first = {"index.html", *(name for name in names if not name.endswith(late) and (folder / name).is_file())}
    assert "models/celeba/decoder.onnx" in first and any(name.endswith(".wasm") for name in first)
    size = sum(len(gzip.compress((folder / name).read_bytes())) for name in first)
    print(f"first face: {size / 1e6:.2f} MB compressed")
    assert size < MOST_BYTES


@pytest.mark.parametrize("name", ["celeba", "anime", "cartoon"])
def test_a_code_decodes_to_the_face_of_python(page, models, name):
    page.open(f"#model={name}")
    model = models(name)
    assert np.abs(page.pixels() - decode(model, page.code())).max() <= 2
    attribute = model.directions.index[0]
    page.slide(f"change-{attribute}", 1)
    z = page.code() + model.direction(attribute)
    assert np.abs(page.pixels() - decode(model, z)).max() <= 2


@pytest.mark.parametrize("name, temperature", [("celeba", 0.8), ("anime", 0.8), ("cartoon", 1.2)])
def test_a_seed_gives_the_face_of_python(page, models, name, temperature):
    page.open(f"#model={name}")
    page.run("document.getElementById('temperature').value = arguments[0]", temperature)
    page.slide("temperature", temperature)
    seed = "const input = document.getElementById('seed'); input.value = 321;"
    page.redrawn(lambda: page.run(seed + "input.dispatchEvent(new Event('change'))"))
    np.testing.assert_allclose(page.code(), models(name).sample(1, 321, temperature), atol=0.02)


@pytest.mark.parametrize("covariances", [1, 3])
def test_a_mixture_draws_as_in_python(page, covariances):
    from vae_keras import priors

    page.open()
    random = np.random.default_rng(0)
    triangles = np.tril(random.normal(size=(covariances, 4, 4)))
    mixture = priors.Mixture(np.array([0.2, 0.5, 0.3]), random.normal(size=(3, 4)), triangles)
    rows, columns = np.tril_indices(4)
    arrays = (mixture.weights, mixture.means.ravel(), mixture.factors[:, rows, columns].ravel())
    code = """
      const { draw } = await import('./js/prior.js');
      const [weights, means, factors] = arguments[0].map(values => Float32Array.from(values));
      const model = { latentDim: 4, prior: { kind: 'mixture' }, arrays: { weights, means, factors } };
      const codes = [];
      for (let seed = 0; seed < 12; seed++) codes.push(Array.from(await draw(model, seed, 0.8)));
      return codes;
    """
    codes = page.run_async(code, [values.tolist() for values in arrays])
    expected = np.concatenate([mixture.sample(1, seed, 0.8) for seed in range(12)])
    np.testing.assert_allclose(codes, expected, atol=1e-5)


def test_a_face_follows_a_slider(page):
    page.open()
    page.wait("studio.model.sessions.size === 3")
    code = """
      await studio.model.loadRest();
      const input = document.querySelector('#sliders input');
      const times = [];
      for (let k = 0; k < 30; k++) {
        const drawn = document.body.dataset.drawn;
        const start = performance.now();
        input.value = 1 - k / 30;
        input.dispatchEvent(new Event('input'));
        while (document.body.dataset.drawn === drawn) await new Promise(resolve => setTimeout(resolve, 1));
        times.push(performance.now() - start);
      }
      return times.sort((a, b) => a - b);
    """
    times = page.run_async(code)
    print(f"from a slider to the face: {times[0]:.0f} ms at best, {times[len(times) // 2]:.0f} in the middle")
    assert times[0] < LONGEST


# Controls.


def test_dice_temperature_reset_before_and_undo(page):
    page.open()
    first = page.pixels()
    assert page.run("return document.getElementById('seed').value") == "14"
    page.redrawn(lambda: page.click("dice"))
    second = page.pixels()
    assert np.abs(first - second.astype(int)).mean() > 5
    assert page.run("return document.getElementById('seed').value") != "14"
    page.slide("temperature", 0)
    usual = page.pixels()
    assert np.abs(usual - second.astype(int)).mean() > 3
    page.slide("change-Smiling", 1.2)
    smiling = page.pixels()
    assert np.abs(usual - smiling.astype(int)).max() > 20
    page.redrawn(lambda: page.click("before"))
    np.testing.assert_array_equal(page.pixels(), usual)
    page.redrawn(lambda: page.click("before"))
    np.testing.assert_array_equal(page.pixels(), smiling)
    page.redrawn(lambda: page.click("reset"))
    np.testing.assert_array_equal(page.pixels(), usual)
    for expected in (smiling, usual, second, first):
        page.redrawn(lambda: page.click("undo"))
        np.testing.assert_array_equal(page.pixels(), expected)
    assert not page.driver.find_element("id", "undo").is_enabled()


def test_between_two_faces(page):
    page.open()
    first = page.pixels()
    page.redrawn(lambda: page.click("second"))
    np.testing.assert_array_equal(page.pixels(), first)
    page.wait("!document.getElementById('share-of-second').disabled")
    page.slide("share-of-second", 1)
    ends = page.run("return [Array.from(studio.state.two.second), Array.from(studio.state.base)]")
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-6)
    other = page.pixels()
    page.slide("share-of-second", 0.5)
    half = np.abs(page.pixels() - first.astype(int)).mean()
    assert 0 < half < np.abs(other - first.astype(int)).mean()


def test_models_are_chosen_and_undone(page):
    page.open()
    first = page.pixels()
    page.redrawn(lambda: page.run("document.querySelector('[value=cartoon]').click()"))
    page.wait("studio.state.model === 'cartoon'")
    assert "free of anybody" in page.text("terms")
    assert page.driver.find_element("id", "change-Wearing_Hat").is_displayed()
    page.redrawn(lambda: page.click("undo"))
    page.wait("studio.state.model === 'celeba'")
    np.testing.assert_array_equal(page.pixels(), first)


def test_an_address_holds_the_face(page):
    page.open("#model=anime")
    page.redrawn(lambda: page.click("dice"))
    page.slide("change-Pink_Hair", 0.8)
    face = page.pixels()
    page.click("share")
    address = page.run("return location.hash")
    assert len(address) < 450
    page.open(address)
    assert np.abs(page.pixels() - face.astype(int)).max() <= 1
    assert page.run("return studio.state.strengths") == {"Pink_Hair": 0.8}


@pytest.mark.parametrize(
    "fragment", ["#code=abc", "#model=none&code=%00", "#model=anime&Pink_Hair=99", "#%E0%A4%A"]
)
def test_a_broken_address_gives_a_face_all_the_same(page, fragment):
    page.open(fragment)
    assert page.pixels().std() > 10


def test_a_face_is_saved_as_png(page, tmp_path):
    page.open()
    folder = {"behavior": "allow", "downloadPath": str(tmp_path)}
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", folder)
    page.click("save")
    path = tmp_path / "face-celeba-14.png"
    wait_for(path.exists)
    saved = read_png(path.read_bytes())
    assert saved.shape == (512, 512, 3)
    small = saved.reshape(64, 8, 64, 8, 3).mean(axis=(1, 3))
    assert np.abs(small - page.pixels()).mean() < 4


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


# Photographs.


def astronaut(tmp_path, grey=False):
    """Return scikit-image's astronaut, or her in black and white, and the path of a PNG of her."""
    from PIL import Image
    from skimage import data

    picture = data.astronaut()
    if grey:
        picture = np.repeat(picture[..., 1:2], 3, axis=2)
    path = tmp_path / "astronaut.png"
    Image.fromarray(picture).save(path)
    return picture, path


def choose_photo(page, path):
    """Say that the person agreed, and choose a file."""
    page.click("consent")
    page.driver.find_element("id", "file").send_keys(str(path))
    page.wait("!document.getElementById('handles').hidden")
    page.wait("!document.getElementById('status').textContent.startsWith('Looking')")


def drag_points(page, targets):
    """Drag the points with the mouse to places of a picture 512 pixels wide, then to the pixel by the state."""
    from selenium.webdriver import ActionChains

    for handle, (x, y) in zip(page.driver.find_elements("css selector", "#handles button"), targets):
        box = page.run("return document.getElementById('face').getBoundingClientRect().toJSON()")
        place = page.run("return arguments[0].getBoundingClientRect().toJSON()", handle)
        scale = box["width"] / 512
        across = box["x"] + (x + 0.5) * scale - place["x"] - place["width"] / 2
        down = box["y"] + (y + 0.5) * scale - place["y"] - place["height"] / 2
        actions = ActionChains(page.driver).click_and_hold(handle)
        actions.move_by_offset(round(across), round(down)).release().perform()


def test_a_photograph_needs_consent(page):
    page.open()
    for name in ("choose", "camera"):
        assert not page.driver.find_element("id", name).is_enabled()
    page.run_async("await studio.own.read(new Blob(['x'], {type: 'image/png'}))")
    assert "tick the box" in page.text("status")
    page.click("consent")
    assert page.driver.find_element("id", "choose").is_enabled()
    page.run_async("await studio.own.read(new Blob(['x'], {type: 'image/png'}))")
    assert "no picture" in page.text("status")


@pytest.mark.parametrize("size, turn", [(512, 0), (1800, 12)])
def test_a_face_is_found_where_python_finds_it(page, tmp_path, size, turn):
    from PIL import Image

    from vae_keras.data import alignment

    picture, path = astronaut(tmp_path)
    turned = Image.fromarray(picture).resize((size, size), Image.BICUBIC).rotate(turn, Image.BICUBIC)
    turned.save(path)
    page.open()
    choose_photo(page, path)
    found = np.array(page.run("return studio.own.draft.points"))
    (face, *_) = alignment.find_faces(np.asarray(turned))
    assert np.abs(found - face.points[[0, 1, 3, 4]]).max() < 0.012 * size


def test_a_picture_without_a_face_is_aligned_by_hand(page, tmp_path):
    from PIL import Image

    path = tmp_path / "grey.png"
    Image.new("RGB", (300, 200), (120, 130, 140)).save(path)
    page.open()
    choose_photo(page, path)
    assert "No face was found" in page.text("status")
    assert len(page.driver.find_elements("css selector", "#handles button")) == 4


@pytest.mark.parametrize(
    "strengths, grey",
    [({"Smiling": -1.2, "Young": -0.5}, False), ({"Eyeglasses": 1.2}, False), ({"Smiling": -1}, True)],
)
def test_a_photograph_is_edited_as_in_python(page, models, tmp_path, strengths, grey):
    from vae_keras.applications import full_size
    from vae_keras.data import alignment

    picture, path = astronaut(tmp_path, grey)
    page.open()
    choose_photo(page, path)
    np.testing.assert_array_equal(page.picture(), picture)
    drag_points(page, ASTRONAUT)
    points = np.array(page.run("return studio.own.draft.points"))
    assert np.abs(points - ASTRONAUT).max() < 2, points
    page.redrawn(lambda: page.click("points-done"))

    model = models("celeba")
    template = np.array(model.card["template"])[[0, 1, 3, 4]]
    found = alignment.FoundFace(points, (0, 0, 0, 0))
    face = alignment.align_face(picture, found, template, 64)
    assert np.abs(page.pixels() - face.image.astype(int)).mean() < 1
    np.testing.assert_array_equal(page.picture(), picture)

    for attribute, strength in strengths.items():
        page.slide(f"change-{attribute}", strength)
    edited = page.picture()
    expected = full_size.edit_photograph(model, picture, face, strengths)
    assert np.abs(expected - picture.astype(int)).max() > 40
    difference = np.abs(edited - expected.astype(int))
    print(
        f"{strengths}: at most {difference.max()} grey levels from Python's, {difference.mean():.3f} on average"
    )
    assert difference.max() <= 2
    outside = np.ones(picture.shape[:2], bool)
    left, top, right, bottom = full_size.region(face.matrix, 64, picture.shape)
    outside[top:bottom, left:right] = False
    np.testing.assert_array_equal(edited[outside], picture[outside])
    page.redrawn(lambda: page.click("before"))
    np.testing.assert_array_equal(page.picture(), picture)
    time.sleep(0.3)
    assert "code=" not in page.run("return location.hash"), "a photograph's code stands in the address"


def test_a_large_photograph_is_saved_at_its_own_size(page, tmp_path):
    from PIL import Image

    picture, _ = astronaut(tmp_path)
    path = tmp_path / "large.jpg"
    Image.fromarray(picture).resize((2400, 2400), Image.BICUBIC).save(path, quality=95)
    page.open()
    choose_photo(page, path)
    assert page.picture().shape == (1024, 1024, 3)
    page.run(
        "studio.own.draft.points = arguments[0]",
        [[x * 2400 / 512, y * 2400 / 512] for x, y in ASTRONAUT],
    )
    page.redrawn(lambda: page.click("points-done"))
    page.slide("change-Smiling", -1)
    page.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    page.click("save")
    wait_for((tmp_path / "edited.png").exists)
    saved = read_png((tmp_path / "edited.png").read_bytes())
    original = np.asarray(Image.open(path))
    assert saved.shape == original.shape
    changed = np.abs(saved - original.astype(int)).max(axis=2) > 8
    assert 0.001 < changed.mean() < 0.2 and not changed[1500:].any()


def test_points_move_by_keys_and_a_photograph_is_put_away(page, tmp_path):
    _, path = astronaut(tmp_path)
    page.open()
    first = page.pixels()
    choose_photo(page, path)
    before = page.run("return studio.own.draft.points")
    from selenium.webdriver import Keys

    handle = page.driver.find_elements("css selector", "#handles button")[1]
    handle.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    after = page.run("return studio.own.draft.points")
    assert after[1][0] > before[1][0] and after[1][1] > before[1][1] and after[0] == before[0]
    page.redrawn(lambda: page.click("points-done"))
    page.redrawn(lambda: page.click("own-close"))
    np.testing.assert_array_equal(page.pixels(), first)


def test_the_camera_gives_a_photograph(page):
    page.open()
    page.click("consent")
    page.click("camera")
    page.wait("document.getElementById('video').videoWidth > 0")
    page.click("take")
    page.wait("!document.getElementById('handles').hidden")
    assert page.run("return studio.own.camera") is None


def test_drawn_models_take_the_middle_of_a_photograph(page, models, tmp_path):
    from vae_keras.data import framing

    picture, path = astronaut(tmp_path)
    page.open("#model=anime")
    page.click("consent")
    page.redrawn(lambda: page.driver.find_element("id", "file").send_keys(str(path)))
    face = framing.crop_face(picture, models("anime").card["crop"], 64)
    assert np.abs(page.pixels() - face.image.astype(int)).mean() < 1


# Inside.


def test_inside_shows_codes_draws_and_both_terms_of_the_loss(page, models):
    from vae_keras import latent
    from vae_keras.model import kl_divergence

    page.open()
    page.click("show-inside")
    page.wait("studio.inside.map && studio.inside.drawn")
    mean, log_variance = latent.encode(models("celeba").vae, page.pixels()[None])
    inside = page.run("return [Array.from(studio.inside.mean), Array.from(studio.inside.drawn)]")
    np.testing.assert_allclose(inside[0], mean[0], atol=0.02)
    kl = float(np.asarray(kl_divergence(mean, log_variance)).sum())
    assert abs(float(page.text("kl")) - kl) < 2
    decoded = decode(models("celeba"), np.float32([inside[1]])) / 255
    error = np.square(decoded - page.pixels() / 255).sum()
    assert abs(float(page.text("squared-error")) - error) < 0.5
    page.click("draw-again")
    page.wait(f"studio.inside.drawn[0] !== {inside[1][0]}")


def test_inside_moves_two_variables_and_scales_the_noise(page):
    page.open()
    page.click("show-inside")
    page.wait("studio.inside.map && studio.inside.drawn")
    low = float(page.text("squared-error"))
    from selenium.webdriver import Keys

    code = page.run("return Array.from(studio.inside.drawn)")
    point = page.driver.find_element("id", "pad-point")
    point.send_keys(*[Keys.ARROW_RIGHT] * 5)
    across = int(page.run("return document.getElementById('across').value"))
    page.wait(f"Math.abs(studio.inside.drawn[{across}] - {code[across]}) > 0.3 || {code[across]} > 3.5")
    moved = page.run("return Array.from(studio.inside.drawn)")
    up = int(page.run("return document.getElementById('up').value"))
    others = [i for i in range(128) if i not in (across, up)]
    np.testing.assert_allclose(np.array(moved)[others], np.array(code)[others], atol=1e-6)
    page.run(
        "const noise = document.getElementById('noise'); noise.value = 8;"
        "noise.dispatchEvent(new Event('input'))"
    )
    page.wait(f"Number(document.getElementById('squared-error').textContent) > {low + 20}")


# The page itself.


def test_nothing_is_asked_of_another_host(page, driver):
    driver.get_log("browser")
    page.open()
    page.click("show-inside")
    page.wait("studio.inside.map")
    names = page.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert names and all(name.startswith(page.address) for name in names), names
    assert not [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    # The page's own rule forbids it: a request elsewhere fails before it leaves.
    page.run("fetch('http://127.0.0.2:9/').catch(() => { document.body.dataset.refused = 'yes' })")
    page.wait("document.body.dataset.refused")
    assert any("Content Security Policy" in entry["message"] for entry in driver.get_log("browser"))


def test_it_works_without_a_server_once_it_was_loaded(driver, folder):
    server = Server(folder)
    page = Page(driver, server.address)
    page.open()
    page.wait("navigator.serviceWorker.controller")
    page.open()  # now everything goes through the service worker
    page.run_async("await studio.model.loadRest()")
    server.stop()
    with pytest.raises(OSError):
        urllib.request.urlopen(server.address, timeout=5)
    page.open()
    before = page.code()
    page.redrawn(lambda: page.click("dice"))
    assert (page.code() != before).any(), "no new face"
    page.click("show-inside")
    page.wait("studio.inside.map")


@pytest.mark.parametrize("view", ["make", "inside"])
def test_it_fits_a_telephone(page, view):
    page.open(width=390)
    page.click(f"show-{view}")
    time.sleep(0.5)
    assert page.run("return document.scrollingElement.scrollWidth") <= 390
    if view == "make":
        width = page.run("return document.getElementById('face').getBoundingClientRect().width")
        assert width >= 320


def test_axe_finds_nothing_serious(page, driver, tmp_path):
    axe = chromium.axe_source(ROOT / "build" / "axe")
    if not axe:
        pytest.skip("needs axe-core from npm")
    found = []
    for theme in ("light", "dark"):
        page.open(theme=theme)
        found += [("make", theme, *rest) for rest in chromium.findings(driver, axe)]
        page.click("show-inside")
        page.wait("studio.inside.map")
        found += [("inside", theme, *rest) for rest in chromium.findings(driver, axe)]
    _, path = astronaut(tmp_path)
    page.open()
    choose_photo(page, path)
    found += [("points", "light", *rest) for rest in chromium.findings(driver, axe)]
    assert not [finding for finding in found if finding[2] in ("serious", "critical")], found


def test_every_control_is_reached_by_the_keyboard_and_has_a_name(page):
    page.open()
    code = """
      const names = [];
      for (const control of document.querySelectorAll('button, input, select, a')) {
        if (!control.checkVisibility() || control.disabled) continue;
        const label = control.labels?.[0]?.textContent || control.getAttribute('aria-label') || control.textContent;
        if (!label.trim() || control.tabIndex < 0) names.push(control.outerHTML);
      }
      return names;
    """
    assert page.run(code) == []
    page.run("document.getElementById('change-Smiling').focus()")
    from selenium.webdriver import Keys

    smile = page.driver.find_element("id", "change-Smiling")
    page.redrawn(lambda: smile.send_keys(Keys.ARROW_RIGHT))
    assert page.run("return studio.state.strengths.Smiling") == 0.05


def test_the_camera_of_a_notebook_gives_a_picture(page, driver):
    from vae_keras.applications.colab_photo import TAKE_PICTURE

    page.open()
    driver.execute_script(f"window.taken = {TAKE_PICTURE.strip()}")
    page.wait("document.querySelector('body > div > video')?.videoWidth")
    page.run("document.querySelector('body > div > button').click()")
    address = page.run_async("return await window.taken")
    assert address.startswith("data:image/jpeg;base64,")
    taken = read_png(base64.b64decode(address.partition(",")[2]))
    assert taken.ndim == 3 and min(taken.shape[:2]) >= 200 and taken.std() > 10
    assert not driver.find_elements("css selector", "body > div > video"), "the camera's box stays"
