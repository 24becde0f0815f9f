"""Checks of lesson 05: differences of means, their cosines, how many latent variables, the strength of a smile."""

import numpy as np

from vae_keras import directions, evaluation, latent
from vae_keras.checks.base import as_array, call, diagnose, exercise

RANDOM = np.random.default_rng()
AUC = 0.9  # to be reached in exercise 5.3


@exercise("5.1")
def difference_of_means(answer):
    """Find what is wrong with a function of (codes, true/false) that returns the difference of the class means."""
    has = RANDOM.permutation(np.arange(50) < 15)
    z = RANDOM.normal(0, 1, (50, 6)) + np.outer(has, RANDOM.normal(0, 3, 6)) + 2
    result = as_array(call(answer, z.copy(), has.copy()), (6,), "the direction")
    having, without = z[has].mean(axis=0), z[~has].mean(axis=0)
    mistakes = {
        "You subtracted the other way round: the direction leads from without to with.": without - having,
        "You subtracted the mean of all codes: subtract the mean of those without the attribute.": (
            having - z.mean(axis=0)
        ),
        "This is the mean of those with the attribute: subtract the mean of those without it.": having,
        "You took sums: the groups differ in size, so take means.": z[has].sum(axis=0) - z[~has].sum(axis=0),
        "You made the length 1: the length of the step counts, so leave it.": (
            (having - without) / np.linalg.norm(having - without)
        ),
    }
    cosine = result @ (having - without) / np.linalg.norm(result) / np.linalg.norm(having - without)
    otherwise = (
        f"The cosine with the difference of means is {cosine:.2f}: average z[has] and z[~has] over axis "
        "0, subtract."
    )
    return diagnose(result, having - without, mistakes, otherwise)


@exercise("5.2")
def signs(answer, pairs, z, labels):
    """Find what is wrong with the predicted signs of the cosines of pairs of directions."""
    given = as_array(answer, (len(pairs),), "the list of signs")
    if not np.isin(given, (-1, 1)).all():
        return "A sign is 1 or -1: write one for each pair."
    means = directions.attribute_directions(z, labels)
    right = np.array([np.sign(means.loc[one] @ means.loc[other]) for one, other in pairs])
    if (given == right).all():
        return None
    if len(pairs) > 1 and (given == -right).all():
        return "All are turned round: attributes that come together have directions that share something."
    one, other = pairs[np.flatnonzero(given != right)[0]]
    return (
        f"Look at {one} and {other} again: do they come together in lesson 01's heatmap, or avoid each other?"
    )


@exercise("5.3")
def how_many(answer, order, z, has, test_z, labels):  # noqa: PLR0913
    """Find what is wrong with the smallest of the counts 1, 2, 4, ... that reaches the AUC on test codes."""
    count = as_array(answer, (), "the count")
    if count < 1 or count > len(order) or np.log2(count) % 1:
        return f"Try 1, 2, 4, 8 and so on, up to {len(order)}: the answer is one of these counts."
    count = int(count)
    area = _area(order[:count], z, has, test_z, labels)
    if area < min(AUC, _area(order, z, has, test_z, labels)):
        if _area(order[:count], z, has, z, has) >= AUC:
            return (
                f"The test faces give {area:.3f}: you measured the training faces, which flatter the probe."
            )
        return f"With {count} the AUC is {area:.3f} on the test faces: take more."
    fewer = _area(order[: count // 2], z, has, test_z, labels) if count > 1 else 0
    if fewer < AUC:
        return None
    if _area(np.arange(count // 2), z, has, test_z, labels) < AUC:
        return f"{count // 2} reach {fewer:.3f}, if you take the best ones: z[:, order[:count]], not z[:, :count]."
    return f"Fewer do: {count // 2} reach {fewer:.3f}."


def _area(columns, z, has, test_z, labels):
    """Return the AUC of a probe that sees these latent variables."""
    return directions.probe(z[:, columns], has, test_z[:, columns], labels).iloc[0]


@exercise("5.4")
def smile(answer, model, z, name):
    """Find what is wrong with a function of strength that returns (turned, others changed) of an edit."""
    strength = RANDOM.uniform(0.4, 0.9)
    result = as_array(call(answer, strength), (2,), "the pair")
    before = latent.decode(model.vae, z)
    right, among_all = _scores(model, z, before, name, strength)
    mistakes = {
        "Swap the two: turned comes first, then others changed.": right[::-1],
        "You moved the codes the other way: add the direction.": _scores(model, z, before, name, -strength)[
            0
        ],
        "The strength does not count in your function: multiply the direction by it.": (
            _scores(model, z, before, name, 1)[0]
        ),
        "Only faces that lacked the attribute can be turned: leave the others out, as score does.": among_all,
    }
    otherwise = (
        f"At strength {strength:.2f} turned is {right[0]:.3f} and others changed {right[1]:.3f}, not "
        f"{result}."
    )
    return diagnose(result, right, mistakes, otherwise, 0.01)


def _scores(model, z, before, name, strength):
    """Return (turned, others changed) of an edit, and the same counted over all faces."""
    classifier = evaluation.load_classifier()
    after = latent.decode(model.vae, z + strength * model.direction(name))
    score = classifier.score_edit(before, after, name).to_numpy()
    old, new = classifier.decisions(before), classifier.decisions(after)
    changed = (old != new).drop(columns=name).to_numpy().mean()
    return score, np.array([new[name].mean(), changed])
