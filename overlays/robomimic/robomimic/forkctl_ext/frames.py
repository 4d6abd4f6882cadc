"""Read only the frames that a diffusion policy looks at.

It asks for a window as long as its prediction, and then uses the first `observation_horizon`
frames of it. The rest is most of what the loader reads.
"""


def limit_observed_frames(dataset, config):
    """Called with the dataset, or the set of datasets, that training will use."""
    length = _observed_length(config)
    for one in getattr(dataset, "datasets", [dataset]):
        one.observed_length = length
    return dataset


def observed_length(dataset):
    """How many frames, from the present one on, an item of the dataset needs."""
    limit = getattr(dataset, "observed_length", None)
    return dataset.seq_length if limit is None else min(limit, dataset.seq_length)


def _observed_length(config):
    # goals sampled within the window ("geom") cut the window themselves, counting on all of it
    if config.algo_name != "diffusion_policy" or config.train.goal_mode == "geom":
        return None
    # a stack of n frames brings the n - 1 before the present one
    return max(1, config.algo.horizon.observation_horizon - (config.train.frame_stack - 1))
