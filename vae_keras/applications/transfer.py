"""What one face has, given to another: attributes by their directions, and styles by two sets of pictures."""

import numpy as np

from vae_keras import latent

LEAST, MOST = -0.5, 1.5  # positions beyond these say more of other things than of the attribute
NARROWEST = (
    0.1  # multiples of a direction that a typical face is taken to be away from the mean face, at least
)


def position(model, z: np.ndarray, attribute: str) -> np.ndarray:
    """Return how much of an attribute codes have: 0 for the mean face, 1 for the typical face with the attribute.

    Args:
        model: a `Pretrained`.
        z: codes (n, latent_dim).
        attribute: one of the index of `model.directions`.

    Returns:
        float (n,), from `LEAST` to `MOST`.

    Raises:
        ValueError: The model has no such attribute.
    """
    direction = model.direction(attribute)
    mean, covariance = model.prior.moments()
    reading = np.linalg.solve(
        covariance, direction
    )  # weighs what varies little the most, as Fisher's discriminant
    along = (z - mean) @ reading / (direction @ reading)
    typical = model.levels[attribute] - mean @ direction / (direction @ direction)
    return np.clip(along / max(typical, NARROWEST), LEAST, MOST)


def transfer(model, z: np.ndarray, giver: np.ndarray, attributes, strength: float = 1.0) -> np.ndarray:
    """Return codes that have as much of some attributes as the codes of other faces.

    A direction is as long as it takes for an attribute to be seen. So a face at 0 is moved by the whole direction
    where the giver is at 1.

    Args:
        model: a `Pretrained`.
        z: codes of the faces that receive (n, latent_dim).
        giver: the code of the face that gives, (1, latent_dim), or one for each that receives, (n, latent_dim).
        attributes: names of the index of `model.directions`.
        strength: 1 gives as much as the giver has, 0 changes nothing.

    Returns:
        Codes as float32 (n, latent_dim).

    Raises:
        ValueError: The model has no such attribute.

    Example:
        >>> z, _ = latent.encode(model.vae, faces)
        >>> like_the_first = transfer(model, z[1:], z[:1], ["Smiling", "Eyeglasses"])
    """
    received = np.asarray(z, "float32")
    for attribute in attributes:
        missing = position(model, giver, attribute) - position(model, z, attribute)
        received = received + strength * missing[:, None] * model.direction(attribute)
    return received.astype("float32")


def style(vae, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the step from one set of pictures to another: the difference of their mean codes.

    Args:
        vae: a `VAE`.
        before: uint8 (n, size, size, 3), such as faces in cold light.
        after: uint8 (m, size, size, 3), such as faces in warm light.

    Returns:
        A step to be added to codes, float32 (latent_dim,).
    """
    start, _ = latent.encode(vae, before)
    end, _ = latent.encode(vae, after)
    return end.mean(axis=0) - start.mean(axis=0)
