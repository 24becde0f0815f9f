"""What a finished model is worth on held-out pictures, and directions as long as it takes to turn a face."""

import pandas as pd

from vae_keras import distances, judge, latent, metrics

MOST = 20_000  # pictures that something is fitted to or measured on: more change nothing that is shown
FEWEST = 10  # test pictures for a distance to mean anything
TURNED = 0.84  # share of the validation faces without an attribute that strength 1 has to turn
RELIABLE = 0.7  # share of right answers, with and without it counting alike, from which on the judge is asked
SEED = 2  # of the new faces: not `train`'s default, whose first ten it shows
STRENGTHS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)  # tried, times the shift as it was found


def evaluate(model, faces, pca):
    """Return the figures of a model on the test pictures of `faces`, beside those of `pca`.

    From 10 test pictures on also, in the features of the judge that ships: the Fréchet `distance` of reconstructions,
    as many new faces and training pictures; `density` and `coverage` of the new faces (see `distances`); and their
    `diversity` over that of the test pictures.
    """
    images = faces.test[:MOST]
    z_mean, z_log_variance = latent.encode(model.vae, images)
    statistics = latent.statistics(z_mean, z_log_variance)
    reconstructions = latent.decode(model.vae, z_mean)
    squared_error = metrics.squared_error(images, reconstructions)
    pca_error = metrics.pca_error(pca, images)
    figures = dict(
        pictures=len(images),
        squared_error=squared_error,
        pca_components=int(pca.n_components_),
        pca_squared_error=pca_error,
        ratio=squared_error / pca_error,
        kl=float(statistics["kl"].sum()),
        active_units=int(statistics["active"].sum()),
    )
    if len(images) < FEWEST:
        return figures
    network, new = judge.load(), model.generate(len(images), seed=SEED)
    sets = dict(reconstructions=reconstructions, new=new, training=faces.train[: len(images)])
    real, seen = network.features(images), {name: network.features(some) for name, some in sets.items()}
    density, coverage = distances.density_and_coverage(real, seen["new"])
    return figures | dict(
        distance={name: distances.frechet(real, features) for name, features in seen.items()},
        density=density,
        coverage=coverage,
        diversity=distances.diversity(seen["new"]) / distances.diversity(real),
    )


def calibrate(vae, faces, pca, ways, labels):
    """Return directions scaled so that strength 1 turns a share `TURNED` of the validation faces that lack each.

    ways: tables of directions; the first has all attributes, of the others each row is one more try. Taken is what
    changes least of the other decisions when most faces are turned. Whether a face is turned is said by the judge that
    ships, or, where it is right too seldom, does not know the attribute or cannot be tried (all validation pictures are
    alike in it), by logistic regression on principal components of pixels, fitted to training pictures. Neither knows
    anything of the codes.
    """
    from sklearn.metrics import balanced_accuracy_score

    images, names = faces.validation[:2000], list(ways[0].index)  # so many that rare ones are lacking and had
    z, truth = latent.encode(vae, images)[0], faces.labels("validation", names)[:2000]
    network = judge.load()
    seen = network.decisions(images)
    known = [a for a in latent.usable(truth, 1) if a in seen]
    trusted = [a for a in known if balanced_accuracy_score(truth[a], seen[a]) >= RELIABLE]
    rest = labels[[a for a in names if a not in trusted]]
    by_pixels = None if rest.empty else _by_pixels(faces.train[: len(labels)], pca, rest)
    chosen = {}
    for attribute in names:
        decide = network.decisions if attribute in trusted else by_pixels
        lacking = z[~truth[attribute].to_numpy()][:200]
        tries = [table.loc[attribute] for table in ways if attribute in table.index]
        found = [_stretch(vae, lacking, direction, decide) for direction in tries]
        chosen[attribute] = min(found, key=lambda one: one[:2])[2]
    return pd.DataFrame(chosen).T.astype("float32").rename_axis(ways[0].index.name)


def _by_pixels(train, pca, labels):
    """Return a function from images to a table of true/false for the columns of `labels`, fitted to pixels."""
    pixels = metrics.pca_codes(pca, train)
    models = {name: latent.fit_logistic(pixels, labels[name]) for name in labels}

    def decide(images):
        codes = metrics.pca_codes(pca, images)
        return pd.DataFrame({name: model.predict(codes) for name, model in models.items()})

    return decide


def _stretch(vae, z, direction, decide):
    """Return (turned too few by, share of decisions changed, the direction times what turns enough of the codes z).

    Codes whose faces have the attribute already are left out.
    """

    def look(times):
        after = decide(latent.decode(vae, latent.edit(z, direction, times)))
        return after[direction.name].mean(), (after != before).to_numpy().mean()

    before = decide(latent.decode(vae, z)) if len(z) else pd.DataFrame(columns=[direction.name], dtype=bool)
    lacks = ~before[direction.name].to_numpy(bool)
    if not lacks.any():
        return 0.0, 0.0, direction
    z, before = z[lacks], before[lacks].reset_index(drop=True)
    tried, low = {}, 0.0
    for times in STRENGTHS:
        tried[times] = look(times)
        if tried[times][0] >= TURNED:
            break
        low = times
    most = max(turned for turned, _ in tried.values())
    if most < TURNED:  # no farther than where nearly the most turn, since beyond it faces fall apart
        times = next(times for times, (turned, _) in tried.items() if turned >= 0.9 * most) if most else 1.0
    else:
        for _ in range(3):  # halved: a straight line between the two would miss the bend of the curve
            middle = (low + times) / 2
            tried[middle] = look(middle)
            low, times = (low, middle) if tried[middle][0] >= TURNED else (middle, times)
    return max(0.0, TURNED - most), tried[times][1], times * direction
