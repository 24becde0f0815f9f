"""Making what ships: models with their priors, directions and cards, and the attribute classifier."""
