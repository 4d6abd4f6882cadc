"""Load `experiment.ckpt_path` into a new model, and say what was taken over.

The matching is `forkctl.checkpoints`, which the run layer puts on the path; this module only knows
where robomimic keeps its weights and its average.
"""

import json
from dataclasses import replace
from pathlib import Path

from forkctl.checkpoints.facts import TensorFacts
from forkctl.checkpoints.loading import filled_state, load_checkpoint, require_finite, tensors_of
from forkctl.checkpoints.report import missing_and_unexpected, plan_as_dict, plan_as_text
from forkctl.checkpoints.transfer import PLAIN_NON_STRICT, Rules, plan_transfer, refusal


def read_weights(ckpt_path):
    """The checkpoint's dictionary, without running anything that the file may hold."""
    return load_checkpoint(Path(ckpt_path).expanduser())


def load_ckpt_path(model, config, log_dir):
    """For revisions whose train() knows no `ckpt_path`: do nothing unless one is given."""
    ckpt_path = config.experiment.ckpt_path
    if ckpt_path is not None:
        print("LOADING MODEL WEIGHTS FROM " + ckpt_path)
        load_for_finetuning(model, read_weights(ckpt_path), config, log_dir)


def load_for_finetuning(model, ckpt_dict, config, log_dir):
    """Take over from the checkpoint what `experiment` asks for; raise when that is nothing."""
    sections = tensors_of(ckpt_dict)
    for section, tensors in sections.items():
        require_finite("{} of ckpt_path".format(section), tensors)
    if config.experiment.strict_weight_loading:
        model.deserialize(ckpt_dict["model"])
        return
    saved = sections["nets"]
    print("Loading checkpoint with strict=False")
    nets = model.nets
    plan = plan_transfer(_facts(saved), describe_tensors(nets), rules_of(config))
    _report(plan, log_dir)
    refused = refusal(plan)
    if refused is not None:
        raise RuntimeError(str(refused))
    state = filled_state(plan, saved, nets.state_dict())
    average = _average_state(model, sections.get("ema"), plan, state, config)
    # nothing below can fail on a size, so nets and average never part ways
    nets.load_state_dict(state)
    if average is not None:
        model.ema.averaged_model.load_state_dict(average)


def rules_of(config):
    """How the config asks tensors to be matched."""
    keys = config.experiment.ckpt_transfer
    if keys.mode == "plain":
        return PLAIN_NON_STRICT
    if keys.mode != "partial":
        raise ValueError(
            'experiment.ckpt_transfer.mode is "partial" or "plain", not {!r}'.format(keys.mode)
        )
    return Rules(
        key_map=dict(config.experiment.ckpt_key_map),
        grow=tuple(keys.grow_inputs),
        require_visual=keys.require_visual,
    )


def describe_tensors(nets):
    """The facts of a model's whole state: it knows what is a buffer, and what is saved twice."""
    learned = {name for name, _ in nets.named_parameters(remove_duplicate=False)}
    first_names = {name for name, _ in nets.named_parameters()}
    return {
        name: replace(
            facts, buffer=name not in learned, alias=name in learned and name not in first_names
        )
        for name, facts in _facts(nets.state_dict()).items()
    }


def _facts(state):
    return {
        name: TensorFacts(tuple(tensor.shape), str(tensor.dtype).replace("torch.", ""))
        for name, tensor in state.items()
    }


def _average_state(model, saved, plan, state, config):
    """What the average of the weights starts from: the checkpoint's average, or the weights.

    diffusers' average begins again with a decay of zero, so that its first update copies the
    weights in either case; between loading and that update the two choices differ.
    """
    if getattr(model, "ema", None) is None:
        return None
    wanted = config.experiment.ckpt_transfer.ema
    complete = saved is not None and all(
        move.source in saved and tuple(saved[move.source].shape) == move.source_shape
        for move in plan.taken
    )
    if wanted == "checkpoint" and complete:
        print("[Checkpoint Loading] EMA: from the checkpoint's average")
        return filled_state(plan, saved, state)
    reason = "asked for" if wanted == "reset" else "the checkpoint has no whole average"
    print("[Checkpoint Loading] EMA: set to the loaded weights ({})".format(reason))
    return state


def _report(plan, log_dir):
    print("[Checkpoint Loading] strict=False mode:")
    for line in missing_and_unexpected(plan):
        print(line)
    print(plan_as_text(plan), flush=True)
    path = Path(log_dir) / "transfer.json"
    path.write_text(json.dumps(plan_as_dict(plan), indent=2))
    print("[Checkpoint Loading] the whole report: {}".format(path))
