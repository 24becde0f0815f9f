"""A trained model with all that belongs to it: new faces, reconstructions and edits from one object."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from vae_keras import directions, latent
from vae_keras.config import require
from vae_keras.model import VAE
from vae_keras.priors import Mixture
from vae_keras.sharpening import DiffusionPrior

PRIORS = ("fitted", "mixture", "standard")


@dataclass
class Pretrained:
    """A trained VAE with its prior, its attribute directions and its card.

    Args:
        vae: the trained `VAE`.
        prior: the `Mixture` that was fitted to the codes of the training pictures.
        directions: a table with a row per attribute and a column per latent dimension. A row is the shift of a code
            that strength 1 means.
        levels: a Series, for each attribute how far along its direction the codes of faces that have it lie on
            average, in multiples of the direction.
        card: a dictionary that says how the model was trained, on what, and how good it is.
        diffusion: a `DiffusionPrior`, which draws better codes than `prior`, or None.

    Example:
        >>> model = hub.load("celeba")
        >>> faces = model.generate(8, seed=1)
        >>> smiling = model.edit(faces, "Smiling")
    """

    vae: VAE
    prior: Mixture
    directions: pd.DataFrame
    levels: pd.Series
    card: dict = field(default_factory=dict)
    diffusion: DiffusionPrior | None = None

    @property
    def sharpened(self) -> bool:
        """Whether the decoder was sharpened after the plain training."""
        return self.vae.details is not None

    def generate(
        self,
        count: int,
        seed: int = 0,
        temperature: float = 1.0,
        prior: str = "fitted",
        attribute: str | None = None,
    ) -> np.ndarray:
        """Return new faces.

        Args:
            count: how many, 1 or more.
            seed: the same faces for the same seed.
            temperature: as of `sample`.
            prior: as of `sample`.
            attribute: as of `sample`.

        Returns:
            Faces as uint8 (count, size, size, 3).

        Raises:
            ValueError: As `sample` does.
        """
        return latent.decode(self.vae, self.sample(count, seed, temperature, prior, attribute))

    def sample(
        self,
        count: int,
        seed: int = 0,
        temperature: float = 1.0,
        prior: str = "fitted",
        attribute: str | None = None,
    ) -> np.ndarray:
        """Return the codes of new faces.

        Args:
            count: how many, 1 or more.
            seed: the same codes for the same seed.
            temperature: scales how far codes lie from the mean. Below 1 the faces are more usual and more alike.
            prior: "fitted" (the diffusion prior if the model has one, else the mixture), "mixture" or "standard",
                which is N(0, I).
            attribute: codes of faces that lack this attribute are moved to where faces that have it lie on average.

        Returns:
            Codes as float32 (count, latent_dim).

        Raises:
            ValueError: The count is below 1, the temperature is negative, or there is no such prior or attribute.
        """
        if count < 1:
            raise ValueError(f"Asked for {count} faces; ask for 1 or more.")
        (z,) = self.sample_in_chunks([count], seed, temperature, prior, attribute)
        return z

    def sample_in_chunks(
        self,
        counts: Iterable[int],
        seed: int = 0,
        temperature: float = 1.0,
        prior: str = "fitted",
        attribute: str | None = None,
    ) -> Iterator[np.ndarray]:
        """Return an iterator over the codes of one `sample`, so many at a time: one chunk alone is in memory.

        Behind the first chunk the codes are those of `sample` up to rounding.

        Args:
            counts: how many codes each chunk has.
            seed: as of `sample`, and so are the others.
            temperature: scales how far codes lie from the mean.
            prior: "fitted", "mixture" or "standard".
            attribute: what codes are moved to.

        Returns:
            An iterator over float32 (count, latent_dim).

        Raises:
            ValueError: The temperature is negative, or there is no such prior or attribute.
        """
        if temperature < 0:
            raise ValueError(f"Temperature is {temperature}; give 0 or more.")
        require([prior], PRIORS, "There is no prior")
        generator = np.random.default_rng(seed)
        if prior == "standard":
            chunks = (self._sample_standard(count, generator, temperature) for count in counts)
        elif prior == "fitted" and self.diffusion is not None:
            chunks = (self.diffusion.sample(count, generator, temperature) for count in counts)
        else:
            chunks = self.prior.sample_in_chunks(counts, seed, temperature)
        if attribute is None:
            return chunks
        direction, level = self.direction(attribute), self.levels[attribute]
        return (_moved_to(z, direction, level) for z in chunks)

    def _sample_standard(self, count, generator, temperature):
        """Return codes of N(0, I), scaled by the temperature."""
        noise = generator.standard_normal((count, self.vae.latent_dim))
        return np.float32(temperature) * noise.astype("float32")

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Return pictures decoded from the mean of their codes.

        Args:
            images: uint8 or float in [0, 1], (n, size, size, 3).

        Returns:
            Reconstructions as uint8 (n, size, size, 3).
        """
        return latent.reconstruct(self.vae, images)

    def edit(self, images: np.ndarray, attribute: str, strength: float = 1.0) -> np.ndarray:
        """Return pictures moved along an attribute.

        Args:
            images: uint8 or float in [0, 1], (n, size, size, 3).
            attribute: one of the index of `directions`, such as "Smiling".
            strength: 1 gives the attribute to most faces that lack it, -1 takes it away, 0 only reconstructs.

        Returns:
            Edited faces as uint8 (n, size, size, 3).

        Raises:
            ValueError: The model has no such attribute.
        """
        direction = self.direction(attribute)
        z, _ = latent.encode(self.vae, images)
        return latent.decode(self.vae, directions.edit(z, direction, strength))

    def direction(self, attribute: str) -> np.ndarray:
        """Return the shift of a code that gives an attribute, float32 (latent_dim,).

        Raises:
            ValueError: The model has no such attribute. The sentence offers the nearest names.
        """
        require([attribute], self.directions.index, "This model has no attribute")
        return self.directions.loc[attribute].to_numpy("float32")


def _moved_to(z, direction, level):
    """Return codes, moved along a direction to a level where they lie below it."""
    missing = level - z @ direction / (direction @ direction)
    return z + np.maximum(0, missing)[:, None].astype("float32") * direction
