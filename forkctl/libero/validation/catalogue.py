"""Everything that validation can name: what it breaks downstream, and what mends it.

An error is something that training or evaluation goes wrong with. A warning is something a person
should know before they trust a result; what is inferred from pictures is never more than that. A
note is how one of LIBERO's layouts simply is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Dict, Iterable


class Severity(enum.Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Kind:
    code: str
    severity: Severity
    breaks: str
    mend: str


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE
_AGAIN = "Fetch the file again: forkctl data download SUITE."
_LEAVE_OUT = "Leave the demo out: forkctl data fix --drop-demos."

_KINDS: Iterable[Kind] = (
    # files and their structure
    Kind("unreadable-file", _E, "It cannot be opened; some loaders drop it silently.", _AGAIN),
    Kind("reader-crashed", _E, "Reading it kills the process that reads it.", _AGAIN),
    Kind("reader-hung", _E, "Reading it does not end; a training run would stand still.", _AGAIN),
    Kind("no-demos", _E, "There is nothing to train on.", _AGAIN),
    Kind("unexpected-member", _W, "Loaders that list `data` take it for a demo.", _LEAVE_OUT),
    Kind("missing-dataset", _E, "Loaders fail on this demo, or skip it.", _LEAVE_OUT),
    Kind("unreadable-dataset", _E, "Training stops when it gets to this demo.", _AGAIN),
    Kind("wrong-shape", _E, "The network's input or output does not fit.", _LEAVE_OUT),
    Kind("wrong-dtype", _E, "Values are cast: images lose their range, actions their fractions.",
         "Convert the array to the type in docs/libero-data.md."),
    Kind("length-mismatch", _E, "Observations and actions run apart; the last steps fail.",
         _LEAVE_OUT),
    # attributes
    Kind("missing-attrs", _W, "Training may need env_args; evaluation needs the bddl file.",
         "forkctl data fix --attrs (all but what only the simulator has, as model_file)"),
    Kind("no-attrs", _N, "Some loaders fail without env_args. Normal for regenerated files.",
         "forkctl data merge supplies them; so does forkctl data fix --attrs."),
    Kind("attr-invalid", _E, "Loaders that parse it fail.", "forkctl data fix --attrs"),
    Kind("attr-mismatch", _W, "Loaders that trust the attribute read too much or too little.",
         "forkctl data fix --attrs"),
    Kind("image-convention-attr", _W, "A loader that believes it turns the images the wrong way.",
         "forkctl data fix --attrs"),
    Kind("demo-gap", _W, "Loaders that count demo_0 .. demo_n-1 fail. Raw files have no gaps.",
         "forkctl data fix --renumber"),
    Kind("regenerated-gap", _N, "Loaders that count demo_0 .. demo_n-1 fail. Normal here.",
         "forkctl data fix --renumber"),
    # numbers
    Kind("non-finite", _E, "One NaN makes the loss, then every weight, NaN.", _LEAVE_OUT),
    Kind("action-out-of-range", _E, "The controller clips it; statistics and normalisation suffer.",
         "Find the conversion that made it; LIBERO's actions lie in [-1, 1]."),
    Kind("metric-actions", _E, "Actions in metres are executed as if of full scale 1: no motion.",
         "forkctl data fix --actions-from metric"),
    Kind("rotation-range", _W, "No LIBERO file turns by more than 0.375: normalised values?",
         "Convert back before training, or compute the statistics from this data."),
    Kind("action-constant", _W, "A dimension that never moves cannot be learnt or normalised.",
         "Check the conversion that wrote the file."),
    Kind("ee-inconsistent", _E, "ee_pos, ee_ori and ee_states contradict each other.",
         "forkctl data fix --ee-states"),
    Kind("no-terminal", _W, "Loaders may take the end of an episode from dones.",
         "forkctl data fix --dones"),
    # motion
    Kind("action-inverted", _E, "The policy learns to move the wrong way.",
         "Turn the sign back; check the robot frame of the conversion."),
    Kind("action-unrelated", _W, "Commands do not explain the motion: swapped axes, another time?",
         "Check the order of dimensions and the alignment."),
    Kind("pose-jump", _W, "The hand jumps: steps are missing, or two episodes were joined.",
         _LEAVE_OUT),
    Kind("alignment-unclear", _E, "Which observation belongs to which action is unknown.",
         "forkctl data fix --align, once you know it; loaders take alignment=raw|aligned."),
    Kind("alignment-mixed", _E, "Some demos pair actions with the wrong observation.",
         "forkctl data fix --align"),
    Kind("noop-share", _W, "Imitating stillness: policies learn to wait for ever.",
         "forkctl data convert --no-noops"),
    Kind("episode-long", _W, "Longer than the evaluation's cap: cannot be imitated in time.",
         _LEAVE_OUT),
    Kind("episode-short", _W, "Too short for a prediction horizon; often a broken recording.",
         _LEAVE_OUT),
    # gripper
    Kind("gripper-inverted", _E, "The policy opens where it should close. -1 is open, +1 close.",
         "forkctl data fix --gripper-from inverted"),
    Kind("gripper-convention", _E, "The gripper is 0/1 instead of -1/+1: it is never opened.",
         "forkctl data fix --gripper-from 01 (1 = close) or open (1 = open)"),
    Kind("gripper-continuous", _W, "Neither open nor closed: thresholds of loaders disagree.",
         "Round it to -1 and +1 before training."),
    Kind("gripper-still", _W, "The gripper never changes: grasping cannot be learnt.",
         "Check the conversion that wrote the file."),
    Kind("gripper-states", _W, "Finger positions are not two mirrored values of 0 to 4 cm.",
         "Check the conversion that wrote gripper_states."),
    # images
    Kind("image-orientation", _W, "LIBERO stores images upside down and loaders turn them once. "
         "Turned twice, evaluation succeeds 0 % of the time.",
         "forkctl data fix --images upright|rot180|mirrored (what they are now)"),
    Kind("image-bgr", _W, "Colours are swapped against what evaluation shows the policy.",
         "forkctl data fix --images bgr"),
    Kind("image-size", _W, "Neither 128 nor 256 pixels: configs that name a size do not fit.",
         "forkctl data convert --image-size 128"),
    Kind("image-size-mixed", _E, "Batches cannot be stacked.", "forkctl data convert --image-size"),
    Kind("image-range", _E, "Images in [0, 1] stored as whole numbers: nothing is left of them.",
         _AGAIN),
    Kind("image-blank", _E, "Frames without a picture, as after an interrupted copy.", _AGAIN),
    Kind("image-frozen", _E, "The picture stands still while the arm moves: vision is useless.",
         _LEAVE_OUT),
    Kind("cameras-swapped", _W, "agentview shows the hand's view: a policy gets them exchanged.",
         "forkctl data fix --images swap"),
    # names and sets
    Kind("language-mismatch", _W, "The text inside differs from the one evaluation uses, which "
         "comes from the file name.", "forkctl data fix --language"),
    Kind("duplicate-demo", _W, "Counted twice; in train and in valid, it hides over-fitting.",
         _LEAVE_OUT),
    Kind("duplicate-file", _W, "The same demos in two files.", "Remove one of the files."),
    Kind("mixed-layouts", _W, "Raw and regenerated files together: sizes and alignment differ.",
         "Keep them in two folders."),
    Kind("task-missing", _E, "The suite is incomplete; numbers will not compare.", _AGAIN),
    Kind("task-unknown", _W, "Not a task of this suite: trained on, never evaluated.",
         "Rename the file to its task, or take it out of the folder."),
    Kind("count-off", _W, "A few per cent fewer or more demos than published: within what other "
         "people's replays give.", "None needed; say it next to your numbers."),
    Kind("count-wrong", _E, "Far from the published number of demos: results will not compare.",
         _AGAIN),
)  # fmt: skip

KINDS: Dict[str, Kind] = {kind.code: kind for kind in _KINDS}
