"""The config keys that the hooks read.

A robomimic Config is key-locked after it is built: a key that is not defined raises when it is
read, so each one needs a default here.
"""


def add_experiment_keys(experiment):
    """Called at the end of `BaseConfig.experiment_config`."""
    if "ckpt_path" not in experiment:  # 0.3.0 has none
        experiment.ckpt_path = None

    # True: upstream's own strict load. False: take over what fits, and report it.
    experiment.strict_weight_loading = True

    # {"camera in the checkpoint": "camera of this model"}; a list gives one to several
    experiment.ckpt_key_map = {}
    _free(experiment, "ckpt_key_map")

    # "partial": leave out tensors whose size differs. "plain": torch's strict=False, which raises.
    experiment.ckpt_transfer.mode = "partial"
    # stop when less than 90 % of the weights of a camera's encoder are taken over
    experiment.ckpt_transfer.require_visual = True
    # name patterns of weights that may be filled in part when they have more input columns than
    # the checkpoint's; the new columns start at zero. ["*cond_encoder*"] after adding a condition
    experiment.ckpt_transfer.grow_inputs = []
    # "checkpoint": the average starts from the checkpoint's. "reset": from the loaded weights.
    experiment.ckpt_transfer.ema = "checkpoint"


def add_observation_keys(observation):
    """Called at the start of `BaseConfig.observation_config`."""
    # [height, width] that every rgb frame is resized to; [] leaves frames as they are
    observation.image_dim = []


def add_skill_keys(algo):
    """Called at the end of `DiffusionPolicyConfig.algo_config`."""
    algo.skill_conditioning.enabled = False
    algo.skill_conditioning.goal_key = "agentview_rgb"  # the camera that the goal is seen through
    algo.skill_conditioning.vae_checkpoint = None  # made by robomimic.forkctl_ext.train_skill_vae
    algo.skill_conditioning.latent_dim = 16


def _free(parent, key):
    """Let a dictionary be given any keys in a config file."""
    from robomimic.config.config import Config

    parent[key] = Config(parent[key])
    parent[key].do_not_lock_keys()
