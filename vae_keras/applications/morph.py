"""Morphs: faces that turn into each other, by way of the codes between theirs."""

from collections.abc import Iterator

import cv2
import numpy as np

from vae_keras import latent
from vae_keras.applications.full_size import smooth_step

CHUNK = 32  # faces decoded at a time


def morph_codes(z: np.ndarray, steps: int, back: bool = False) -> np.ndarray:
    """Return the codes of a way from face to face, slow at each face and fast between them.

    Args:
        z: codes of the faces, (n, latent_dim), n from 2.
        steps: codes from each face to the next.
        back: whether the way leads back to the first face.

    Returns:
        Codes as float32 ((n - 1) * steps + 1, latent_dim), with `back` (n * steps + 1, latent_dim).
    """
    stops = np.concatenate([z, z[:1]]) if back else z
    share = smooth_step(np.arange(steps) / steps)[:, None]
    ways = [(1 - share) * start + share * end for start, end in zip(stops[:-1], stops[1:])]
    return np.concatenate([*ways, stops[-1:]]).astype("float32")


def draw_frames(vae, codes: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """Yield the face of each code, enlarged, and show how far it is.

    Args:
        vae: a `VAE`.
        codes: (n, latent_dim).
        side: pixels a side.

    Yields:
        uint8 (side, side, 3).
    """
    from tqdm import tqdm

    with tqdm(total=len(codes), unit="picture", disable=None, leave=False) as bar:
        for start in range(0, len(codes), CHUNK):
            for face in latent.decode(vae, codes[start : start + CHUNK]):
                yield cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
                bar.update()
