"""Checks of lesson 07: the discriminator's loss, the frozen encoder, a run without adversarial loss, a colder draw."""

import keras
import numpy as np

from vae_keras.checks.base import WrongAnswer, as_array, call, close, diagnose, exercise
from vae_keras.latent import encode
from vae_keras.model import VAE

RANDOM = np.random.default_rng()
LETTERS = ("A", "B")
ORDER = (1, 0)  # which run each row shows: 0 with the adversarial loss, 1 without it


def softplus(x):
    """Return log(1 + exp(x))."""
    return np.logaddexp(0, x)


@exercise("7.1")
def discriminator_loss(answer, chance):
    """Find what is wrong with a function of (real, made) logits, and with the loss of a discriminator that guesses."""
    real, made = RANDOM.normal(0, 2, 30), RANDOM.normal(0, 2, 20)
    real, made = real - real.mean() + 1, made - made.mean() - 0.5  # so that swapped terms always show
    result = as_array(call(answer, real.copy(), made.copy()), (), "the loss")
    right = softplus(-real).mean() + softplus(made).mean()
    mistakes = {
        "You took photographs for decoded faces: real logits should be large, made ones small.": (
            softplus(real).mean() + softplus(-made).mean()
        ),
        "You halved it: the two cross-entropies are added, not averaged.": right / 2,
        "You summed over the pictures: take the mean of each set.": softplus(-real).sum()
        + softplus(made).sum(),
        "For decoded faces it is -log(1 - D): the discriminator should say no to them.": (
            softplus(-real).mean() + softplus(-made).mean()
        ),
        "The sign is turned: a loss is -log of a probability.": -right,
        "You took logits for probabilities: D is the sigmoid of a logit.": -real.mean() + made.mean(),
        "One of the two terms is missing: add that of the decoded faces.": softplus(-real).mean(),
        "One of the two terms is missing: add that of the photographs.": softplus(made).mean(),
    }
    otherwise = "The loss differs: it is the mean of -log D(real) plus the mean of -log(1 - D(made))."
    problem = diagnose(result, right, mistakes, otherwise, 1e-3)
    return problem or wrong_chance(float(as_array(chance, (), "`chance`")))


def wrong_chance(chance):
    """Return what is wrong with the loss at chance, or None."""
    mistakes = {
        np.log(2): "That is one of the two terms: there is one for each kind of picture.",
        0.5: "That is the probability D; the loss is made of its logarithm.",
        2 * np.log10(2): "You took the logarithm to base 10: a nat is of the natural one.",
        2.0: "You took the logarithm to base 2: a nat is of the natural one.",
        0.0: "A loss of zero is that of a discriminator that is always right and sure.",
    }
    for wrong, message in mistakes.items():
        if abs(chance - wrong) < 5e-3:
            return message
    if abs(chance - 2 * np.log(2)) > 5e-3:
        return "Who guesses says D = 1/2 for every picture: put that into both terms."
    return None


@exercise("7.2")
def code_change(answer):
    """Find what is wrong with a function of (old, new, images): how far the encoder means of two VAEs are apart."""
    images = RANDOM.integers(0, 256, (6, 8, 8, 3)).astype("uint8")
    old = VAE(image_size=8, latent_dim=3, filters=(4,), dtype="float32")
    new = old.copy_with_details(2)
    for weight in new.decoder.trainable_variables:
        weight.assign_add(keras.random.normal(weight.shape))
    new.sampling([np.zeros((1, 3), "float32")] * 2)  # so that the next draws of the two differ
    same = as_array(call(answer, old, new, images), (), "the change")
    if not close(same, 0.0, 1e-5) and abs(same) > 1e-5:
        return (
            "Here only the decoder differs, so no code should: compare encoder means, not pictures or draws."
        )
    trained = old.copy_with_details(2)
    for weight in trained.encoder.trainable_variables:
        weight.assign_add(0.5 * keras.random.normal(weight.shape))
    result = as_array(call(answer, old, trained, images), (), "the change")
    (before, before_variance), (after, after_variance) = encode(old, images), encode(trained, images)
    changes = after - before
    mistakes = {
        "You took the mean: one code that moves far should show, so take the largest.": np.abs(
            changes
        ).mean(),
        "You compared the log-variances: take the first of the two that `latent.encode` gives.": (
            np.abs(after_variance - before_variance).max()
        ),
        "You averaged with signs, so differences cancel: take the largest absolute one.": changes.mean(),
        "You encoded with one model twice: this encoder did change.": np.float64(0),
    }
    if close(result, np.abs(changes).max(), 1e-3):
        return None
    for message, wrong in mistakes.items():
        if abs(result - wrong) < 1e-4:
            return message
    return "Take the largest absolute difference between the encoder means of the two models."


def unlabelled(with_adversarial_loss, without) -> dict:
    """Return the faces of two runs as row A and row B, in an order that the page does not tell."""
    runs = (with_adversarial_loss, without)
    return {f"row {letter}": runs[place] for letter, place in zip(LETTERS, ORDER)}


@exercise("7.3")
def without_adversarial_loss(answer):
    """Find what is wrong with the letter of the row whose run had no adversarial loss."""
    letter = str(answer).strip().upper().removeprefix("ROW ")
    if letter not in LETTERS:
        raise WrongAnswer('Give the letter of one row, "A" or "B".')
    if ORDER[LETTERS.index(letter)] == 1:
        return None
    return (
        "That row had the adversarial loss: it is the short run of Figure 4. Without it nothing objects to a regular "
        "grid over dark backgrounds."
    )


@exercise("7.4")
def temperature(cold, warm):
    """Find what is wrong with density and coverage of faces at temperature 0.5, given those at temperature 1."""
    density, coverage = as_array(cold, (2,), "`cold`")
    warm_density, warm_coverage = as_array(warm, (2,), "`warm`")
    if density < 0 or not 0 <= coverage <= 1:
        if 0 <= density <= 1 < coverage:
            return "The two are swapped: first density, then coverage, which is a share and at most 1."
        return "Coverage is a share, from 0 to 1, and density is not negative."
    if close([density, coverage], np.array([warm_density, warm_coverage]), 1e-6):
        return "These are the numbers of temperature 1: hand `temperature=0.5` on to `sample`."
    if density > warm_density and coverage < warm_coverage:
        return None
    if density < warm_density and coverage < warm_coverage:
        return "Both fell, as they do for hot draws or swapped sets: temperature 0.5, and the real faces come first."
    if coverage > warm_coverage and density > warm_density:
        return "Both rose: compare new faces, not reconstructions or real faces."
    return "Coverage rose and density fell: are the two swapped, or is the temperature above 1?"
