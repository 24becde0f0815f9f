"""Does each latent variable hold one cause of the pictures? Three measures, for pictures whose causes are known.

Codes are (n, latent_dim), such as the means of the encoder. Factors are (n, k): the numbers that the same n pictures
were drawn from, such as light and turn of the head. Factors that depend on each other cannot be told apart: take some
that were drawn independently. Every measure runs from 0, tangled, to 1: each latent variable holds one factor.
"""

import numpy as np

BINS = 20  # of codes and factors, for mutual information
TREES = 20  # of each forest


def disentanglement_scores(codes: np.ndarray, factors: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Return the three measures of this file.

    Args:
        codes: (n, latent_dim).
        factors: (n, k), the causes of the same pictures.
        seed: of the forests behind "dci".

    Returns:
        A dictionary of "mig", "dci" and "sap", each from 0 to 1.

    Example:
        >>> factors = sample_factors(2000, seed=1)
        >>> codes, _ = latent.encode(vae, draw_faces(factors))
        >>> disentanglement_scores(codes, factors[["light", "yaw", "smile"]])
    """
    return {
        "mig": mutual_information_gap(codes, factors),
        "dci": dci(codes, factors, seed)["disentanglement"],
        "sap": separated_predictability(codes, factors),
    }


def mutual_information_gap(codes: np.ndarray, factors: np.ndarray, bins: int = BINS) -> float:
    """Return the mutual information gap (MIG; Chen et al. 2018, arXiv 1802.04942).

    For each factor: how much more the best latent variable tells of it than the second best, as a share of the
    factor's entropy. The result is the mean over the factors. Mutual information is counted in bins of equal width
    (Locatello et al. 2019, arXiv 1811.12359).

    Args:
        codes: (n, latent_dim), with two latent variables or more.
        factors: (n, k).
        bins: of each latent variable, and of each factor with more different values.

    Raises:
        ValueError: The shapes do not fit.
    """
    from sklearn.metrics import mutual_info_score

    codes, factors = checked(codes, factors)
    codes = [in_bins(column, bins) for column in codes.T]
    gaps = []
    for factor in factors.T:
        factor = in_bins(factor, bins)
        entropy = mutual_info_score(factor, factor)  # what a factor tells of itself
        information = [mutual_info_score(column, factor) for column in codes]
        gaps.append(gap(information) / entropy)
    return float(np.mean(gaps))


def dci(codes: np.ndarray, factors: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Return disentanglement, completeness and informativeness (Eastwood and Williams 2018, "A framework ...").

    A random forest predicts each factor from the codes of half of the pictures. Its importances are the shares of the
    latent variables in the prediction.

    Args:
        codes: (n, latent_dim), with two latent variables or more.
        factors: (n, k), with two factors or more.
        seed: of the split and the forests.

    Returns:
        disentanglement: 1 if each latent variable is important for one factor alone, weighted by its importance.
        completeness: 1 if each factor is predicted from one latent variable alone. informativeness: the share of the
        variance of the factors that is predicted for the other half of the pictures, a mean over the factors.

    Raises:
        ValueError: The shapes do not fit.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import train_test_split

    codes, factors = checked(codes, factors)
    fitted, held, targets, held_targets = train_test_split(codes, factors, test_size=0.5, random_state=seed)
    importances, scores = [], []
    for target, held_target in zip(targets.T, held_targets.T):
        forest = RandomForestRegressor(TREES, min_samples_leaf=5, random_state=seed).fit(fitted, target)
        importances.append(forest.feature_importances_)
        scores.append(forest.score(held, held_target))
    return {**of_importances(np.transpose(importances)), "informativeness": float(np.mean(scores))}


def of_importances(importances: np.ndarray) -> dict[str, float]:
    """Return disentanglement and completeness of a table of importances (latent_dim, k) that are not negative."""
    per_variable = importances.sum(axis=1)
    weights = per_variable / per_variable.sum()
    return {
        "disentanglement": float(weights @ concentration(importances)),
        "completeness": float(concentration(importances.T).mean()),
    }


def concentration(rows: np.ndarray) -> np.ndarray:
    """Return for each row (n, m) 1 minus its entropy to the base m: 1 if one value is all, 0 if all are equal."""
    from scipy.stats import entropy

    rows = rows + 1e-12  # a row of zeros has no shares
    return 1 - entropy(rows, axis=1, base=rows.shape[1])


def separated_predictability(codes: np.ndarray, factors: np.ndarray) -> float:
    """Return the gap of separated attribute predictability (SAP; Kumar et al. 2018, arXiv 1711.00848).

    A line predicts each factor from one latent variable; its score is the share of the variance that it predicts. The
    result is the difference of the two best scores, a mean over the factors.

    Args:
        codes: (n, latent_dim), with two latent variables or more.
        factors: (n, k).

    Raises:
        ValueError: The shapes do not fit.
    """
    codes, factors = checked(codes, factors)
    deviations = np.maximum(codes.std(axis=0), 1e-12)  # a silent latent variable predicts nothing
    covariances = (codes - codes.mean(axis=0)).T @ (factors - factors.mean(axis=0)) / len(codes)
    scores = (covariances / deviations[:, None] / factors.std(axis=0)) ** 2
    return float(np.mean([gap(column) for column in scores.T]))


def gap(values) -> float:
    """Return the difference of the two largest values."""
    second, largest = np.sort(values)[-2:]
    return float(largest - second)


def in_bins(values: np.ndarray, bins: int) -> np.ndarray:
    """Return the numbers of bins of equal width that values (n,) lie in; few different values are bins themselves."""
    different, places = np.unique(values, return_inverse=True)
    if len(different) <= bins:
        return places
    edges = np.linspace(different[0], different[-1], bins + 1)[1:-1]
    return np.digitize(values, edges)


def checked(codes, factors) -> tuple[np.ndarray, np.ndarray]:
    """Return codes and factors as float64 arrays.

    Raises:
        ValueError: They are not of the same pictures, there are too few of them, or a factor never changes.
    """
    codes, factors = np.asarray(codes, "float64"), np.asarray(factors, "float64")
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors):
        raise ValueError(
            f"Codes are (n, latent_dim) and factors (n, k) of the same n pictures, not {list(codes.shape)} and "
            f"{list(factors.shape)}."
        )
    if len(codes) < 4 or codes.shape[1] < 2:
        raise ValueError(
            f"A gap needs two latent variables and 4 pictures or more, not {codes.shape[1]} and {len(codes)}."
        )
    if (factors.std(axis=0) == 0).any():
        raise ValueError("A factor is the same in all pictures: leave it out.")
    return codes, factors
