"""Faces in bytes: what is read is what was written, in as many bits as the prior says, and damage is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm

from vae_keras import hub, latent
from vae_keras.applications import compression
from vae_keras.data.drawn import faces as drawn
from vae_keras.priors import Mixture


@pytest.fixture(scope="module")
def model():
    return hub.load("cartoon")


@pytest.fixture(scope="module")
def faces():
    return drawn.draw_faces(drawn.sample_factors(6, seed=2), 64)


@pytest.fixture(scope="module")
def content(model, faces):
    return compression.compress(model, faces)


@pytest.fixture(scope="module")
def prior():
    """Two components far apart, the second with latent variables that depend on each other."""
    correlated = np.linalg.cholesky([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 4]])
    means = np.float32([[0, 0, 0], [20, 20, 20]])
    return Mixture(np.float32([0.25, 0.75]), means, np.float32([np.eye(3), correlated]))


def test_faces_come_back_as_their_rounded_codes_decode(model, faces, content):
    z, _ = latent.encode(model.vae, faces)
    step = np.float32(compression.STEP)
    expected = latent.decode(model.vae, np.rint(z / step) * step)
    assert np.abs(compression.decompress(model, content).astype(int) - expected).max() <= 1


def test_numbers_come_back_and_take_the_bits_that_the_prior_says(prior):
    step = 0.25
    z = prior.sample(3000, seed=1)
    symbols = compression.quantize(z, step)
    content = compression.encode(prior, symbols, step)
    assert np.array_equal(compression.decode(prior, content, len(z), step), symbols)
    entropy = -prior.log_density(z).mean() / np.log(2) - 3 * np.log2(step)
    assert 8 * len(content) / len(z) == pytest.approx(entropy, rel=0.02)
    blind = Mixture(np.ones(1, "float32"), z.mean(axis=0)[None], np.float32([np.diag(z.std(axis=0))]))
    assert len(compression.encode(blind, symbols, step)) > 1.3 * len(content)


def test_a_latent_variable_alone_takes_the_bits_of_its_interval():
    prior = Mixture(np.ones(1, "float32"), np.zeros((1, 1), "float32"), np.ones((1, 1, 1), "float32"))
    symbols = np.full((4000, 1), 3, "int32")
    bits = 8 * len(compression.encode(prior, symbols, 0.5)) / len(symbols)
    assert bits == pytest.approx(-np.log2(norm.cdf(1.75) - norm.cdf(1.25)), rel=0.01)


def test_a_larger_step_takes_fewer_bytes(model, faces):
    sizes = [len(compression.compress(model, faces, step)) for step in (0.3, 0.7, 2.0)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_each_code_goes_to_the_component_that_knows_it(prior):
    z = np.float64([[0, 0, 0], [20, 20, 20], [19, 19, 30]])
    assert compression.best_component(prior, z).tolist() == [0, 1, 1]


def resealed(content):
    """The content with a checksum that fits."""
    return content[:-4] + struct.pack("<I", zlib.crc32(content[:-4]))


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda content: b"JFIF" + content[4:], "no file of compressed faces"),
        (lambda content: b"", "no file of compressed faces"),
        (lambda content: content[:10], "cut short or damaged"),
        (lambda content: content[:-7], "cut short or damaged"),
        (lambda content: content[:30] + bytes([content[30] ^ 1]) + content[31:], "cut short or damaged"),
        (lambda content: resealed(content[:4] + b"\x09" + content[5:]), "version 9"),
        (lambda content: resealed(content[:13] + b"abcd" + content[17:]), "another model"),
        (
            lambda content: resealed(content[:9] + struct.pack("<I", 2**31) + content[13:]),
            "holds 2147483648 faces",
        ),
        (lambda content: resealed(content[:5] + struct.pack("<f", np.nan) + content[9:]), "in steps of nan"),
        (lambda content: resealed(content[:-5] + content[-4:]), "damaged"),
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(change, words, model, content):
    with pytest.raises(ValueError, match=words) as caught:
        compression.decompress(model, change(content), "faces.vae")
    assert str(caught.value).startswith("faces.vae ") and "\n" not in str(caught.value)


def test_the_header_is_what_the_documentation_says(model, content):
    magic, version, step, count, written_by = struct.unpack("<4sBfII", content[:17])
    assert (magic, version, count) == (b"VAEF", 1, 6) and step == pytest.approx(compression.STEP)
    assert written_by == compression.fingerprint(model)
    assert compression.fingerprint(model) != compression.fingerprint(hub.load("anime"))


@pytest.mark.parametrize("step, words", [(0.0, "above 0"), (np.nan, "above 0"), (1e-9, "too small")])
def test_impossible_steps_are_refused(step, words):
    with pytest.raises(ValueError, match=words):
        compression.quantize(np.ones((1, 2)), step)


@pytest.mark.parametrize("form", compression.FORMATS)
def test_ordinary_formats_are_counted_with_and_without_their_headers(form, faces):
    read, whole, bare = compression.ordinary(faces[:2], form, 50)
    assert read.shape == faces[:2].shape and np.abs(read.astype(float) - faces[:2]).mean() < 20
    assert 20 < bare < whole
    grey = np.full((1, 64, 64, 3), 128, "uint8")
    _, _, nothing = compression.ordinary(grey, form, 50)
    assert nothing < 80, "a picture without content has headers alone"


def test_the_header_of_a_jpeg_ends_where_its_scan_begins():
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG", quality=10)
    content = file.getvalue()
    scan = content.index(b"\xff\xda")
    assert compression.header_bytes(content, "JPEG") == scan + 14 + 2


def test_a_missing_coder_is_said(monkeypatch, model, faces):
    monkeypatch.setitem(__import__("sys").modules, "constriction", None)
    with pytest.raises(ImportError, match="pip install constriction"):
        compression.compress(model, faces)


def test_a_file_that_claims_many_faces_is_refused_before_it_is_read(model):
    head = compression.HEADER.pack(
        compression.MAGIC, compression.VERSION, 0.7, 900_000, compression.fingerprint(model)
    )
    content = head + bytes(4)
    content += struct.pack("<I", zlib.crc32(content))
    with pytest.raises(ValueError, match="900000 faces"):
        compression.read_codes(model, content, "bomb.vae")
