"""Errors and likeness of pictures and their reconstructions, beside PCA's; bits per dimension; nearest pictures.

Pictures are uint8 in 0..255 or float in [0, 1], [n, size, size, 3]; a memory map is read block by block.
All errors are squared differences of values in [0, 1], as a mean per value.
"""

import math

import numpy as np

from vae_keras import distances, latent

BLOCK = 512  # pictures in memory at a time, 25 MB as float32 at 64x64


def _flat(images):
    """Float32 [n, size * size * 3] in [0, 1]."""
    images = np.asarray(images)
    scale = 1 / 255 if images.dtype == np.uint8 else 1.0
    return np.multiply(images.reshape(len(images), -1), scale, dtype="float32")


def _blocks(images):
    if len(images) == 0:
        raise ValueError("There are no pictures to measure: give at least one.")
    for start in range(0, len(images), BLOCK):
        yield start, _flat(images[start : start + BLOCK])


def squared_error(images, reconstructions):
    """The mean squared error per value between two arrays of pictures of the same shape, a float."""
    if np.shape(images) != np.shape(reconstructions):
        raise ValueError(
            f"Pictures {list(np.shape(images))} and reconstructions {list(np.shape(reconstructions))} "
            "differ in shape: give one reconstruction of the same size for each picture."
        )
    total = 0.0
    for start, block in _blocks(images):
        difference = block - _flat(reconstructions[start : start + BLOCK])
        total += np.square(difference).sum(dtype="float64")
    return float(total / np.prod(np.shape(images)))


def similarity(images, reconstructions):
    """How alike pictures and their reconstructions are: a dictionary of means over the pictures.

    mse: squared error per value. psnr: decibels, of each picture's own error (infinite for equal ones). ssim:
    structural similarity (Wang et al. 2004), scikit-image's. ms_ssim: the same over three sizes (Wang et al. 2003: the
    first three of five weights, the others need larger pictures), TensorFlow's. Both are 1 for equal pictures.
    Both arrays: uint8 [n, size, size, 3], sides of 64 or more.
    """
    import tensorflow as tf
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    mse, pairs = squared_error(images, reconstructions), list(zip(images, reconstructions))
    weights = np.array([0.0448, 0.2856, 0.3001])
    scales = [
        tf.image.ssim_multiscale(images[rows], reconstructions[rows], 255, weights / weights.sum())
        for rows in (slice(start, start + BLOCK) for start in range(0, len(images), BLOCK))
    ]
    return dict(
        mse=mse,
        psnr=float(np.mean([peak_signal_noise_ratio(*pair) for pair in pairs])),
        ssim=float(np.mean([structural_similarity(*pair, channel_axis=2) for pair in pairs])),
        ms_ssim=float(np.mean(np.concatenate(scales))),
    )


def bits_per_dimension(vae, images, samples=1, seed=0, prior=None):
    """An upper bound on the bits that a VAE with a Gaussian likelihood needs for each value of 8 bits of a picture.

    images: uint8 [n, size, size, 3]. samples: 1 gives the ELBO, more the tighter importance-weighted bound (Burda et
    al. 2016). prior: a `latent.Prior` to take the codes from, in the place of N(0, I). Returns a float, the mean over
    pictures. The density of a value is taken for constant over its step of 1/255. ValueError for other likelihoods.
    """
    import tensorflow as tf

    if vae.settings["likelihood"] != "gaussian":
        raise ValueError(
            "Bits are counted for the Gaussian likelihood alone: train with likelihood='gaussian'."
        )
    from vae_keras.model import gaussian

    z_mean, z_log_variance = latent.encode(vae, images)
    noise, bounds = np.random.default_rng(seed), []
    for image, mean, log_variance in zip(images, z_mean, z_log_variance):
        drawn = noise.standard_normal((samples, len(mean)))
        z = mean + np.exp(0.5 * log_variance) * drawn
        own = -0.5 * (drawn**2 + log_variance + math.log(2 * math.pi)).sum(axis=1)
        outer = -0.5 * (z**2 + math.log(2 * math.pi)).sum(axis=1) if prior is None else _log_density(prior, z)
        picture = tf.cast(image[None], tf.float32) / 255
        seen = -gaussian(picture, tf.cast(vae.decode(np.float32(z)), tf.float32), vae.log_sigma).numpy()
        terms = np.float64(seen) + outer - own
        bounds.append(np.logaddexp.reduce(terms) - math.log(samples))
    return float(math.log2(255) - np.mean(bounds) / math.log(2) / np.prod(images.shape[1:]))


def _log_density(prior, z):
    """The logarithm of a `latent.Prior`'s density at codes z [n, d]: float64 [n], in nats."""
    from scipy.stats import Covariance, multivariate_normal

    parts = zip(prior.means, np.float64(prior.factors))
    densities = [
        multivariate_normal.logpdf(z, mean, Covariance.from_cholesky(factor)) for mean, factor in parts
    ]
    return np.logaddexp.reduce(np.log(prior.weights)[:, None] + np.reshape(densities, (-1, len(z))))


def fit_pca(images, components=128, seed=0, at_most=20_000):
    """scikit-learn's PCA of pictures, the linear autoencoder to compare with.

    At most 20,000 pictures are used (fewer where they are larger than 64x64: 1 GB of float32), a seeded subset.
    """
    from sklearn.decomposition import PCA

    if len(images) < 2:
        raise ValueError(f"Principal components need at least 2 pictures, not {len(images)}.")
    at_most = min(at_most, 20_000 * 64 * 64 * 3 // int(np.prod(images.shape[1:])))
    if len(images) > at_most:
        images = images[np.sort(np.random.default_rng(seed).choice(len(images), at_most, replace=False))]
    components = min(components, len(images) - 1, int(np.prod(images.shape[1:])))  # one goes to the mean
    pca = PCA(components, svd_solver="randomized", iterated_power=4, random_state=seed, copy=False)
    return pca.fit(_flat(images))


def pca_codes(pca, images):
    """The principal components of pictures, float32 [n, components], block by block."""
    return np.concatenate([pca.transform(block) for _, block in _blocks(images)])


def pca_error(pca, images):
    """The squared error of pictures rebuilt from their principal components; compare with `squared_error`."""
    total = sum(
        np.square(block - pca.inverse_transform(pca.transform(block))).sum(dtype="float64")
        for _, block in _blocks(images)
    )
    return float(total / np.prod(np.shape(images)))


def face_distance(pca, real, other):
    """The Fréchet distance of two sets of faces in the space of the training pictures' principal components.

    Protocol: pca from `fit_pca` on the training pictures (128 components); both sets in [0, 1] and of the same
    count, at least 1,000 for numbers worth comparing (small sets are farther apart than large ones by chance).
    It sees layout, light and colour, not sharpness: what the 128 components leave out does not count. Print the
    distance of real training to real test pictures beside it; published distances use another space.
    """
    return distances.frechet(pca_codes(pca, real), pca_codes(pca, other))


def nearest(images, candidates, count=1):
    """For each picture the `count` nearest candidates by squared error, nearest first.

    Returns (indices [n, count], distances [n, count] as mean squared error per value).
    """
    if not 1 <= count <= len(candidates):
        raise ValueError(f"Between 1 and {len(candidates)} neighbours can be found, not {count}.")
    found = [_nearest(block, candidates, count) for _, block in _blocks(images)]
    return tuple(np.concatenate(part) for part in zip(*found))


def _nearest(flat, candidates, count):
    # The squared length of the pictures themselves changes no order, and is left out.
    near = [np.square(block).sum(axis=1) - 2 * flat @ block.T for _, block in _blocks(candidates)]
    indices = np.argsort(np.hstack(near), axis=1, kind="stable")[:, :count]
    # Exact distances of the few that were found: the shortcut above loses digits where pictures are nearly equal.
    exact = np.stack(
        [np.square(_flat(candidates[row]) - one).mean(axis=1) for row, one in zip(indices, flat)]
    )
    order = np.argsort(exact, axis=1, kind="stable")
    return np.take_along_axis(indices, order, 1), np.take_along_axis(exact, order, 1)
