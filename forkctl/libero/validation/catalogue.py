"""Everything that validation can find: what it breaks downstream, and how to fix it.

An error makes training or evaluation go wrong. A warning is worth knowing before you trust a
result; what is inferred from pictures is never more than that. A note is a property of one of
LIBERO's layouts.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Dict, Iterable, Tuple


class Severity(enum.Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class FindingKind:
    code: str
    severity: Severity
    breaks: str
    mend: str


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE
_AGAIN = "Download the file again: forkctl data download SUITE."
_LEAVE_OUT = "Leave the demo out: forkctl data fix --drop-demos."

_KINDS: Iterable[Tuple[str, Severity, str, str]] = (
    # files and their structure
    ("unreadable-file", _E, "It cannot be opened; some loaders drop it silently.", _AGAIN),
    ("reader-crashed", _E, "Reading it kills the process that reads it.", _AGAIN),
    ("reader-hung", _E, "Reading it never ends; a training run would hang.", _AGAIN),
    ("no-demos", _E, "There is nothing to train on.", _AGAIN),
    ("unexpected-member", _W, "Loaders that list `data` take it for a demo.", _LEAVE_OUT),
    ("missing-dataset", _E, "Loaders fail on this demo, or skip it.", _LEAVE_OUT),
    ("unreadable-dataset", _E, "Training stops when it gets to this demo.", _AGAIN),
    ("wrong-shape", _E, "The network's input or output does not fit.", _LEAVE_OUT),
    ("wrong-dtype", _E, "Values are cast: images lose their range, actions their fractions.",
     "Convert the array to the type in docs/libero-data.md."),
    ("length-mismatch", _E, "Observations and actions get out of step; the last fail.", _LEAVE_OUT),
    # attributes
    ("missing-attrs", _W, "Training may need env_args; evaluation needs the bddl file.",
     "forkctl data fix --attrs (all but model_file and others that only the simulator has)"),
    ("no-attrs", _N, "Some loaders fail without env_args. Normal for regenerated files.",
     "forkctl data merge supplies them; so does forkctl data fix --attrs."),
    ("attr-invalid", _E, "Loaders that parse it fail.", "forkctl data fix --attrs"),
    ("attr-mismatch", _W, "Loaders that trust the attribute read too much or too little.",
     "forkctl data fix --attrs"),
    ("image-convention-attr", _W, "A loader that believes it turns the images the wrong way.",
     "forkctl data fix --attrs"),
    ("demos-lost", _E, "Demos that the file once had are gone; a broken index hides them.",
     f"{_AGAIN} If they were left out on purpose: forkctl data fix --attrs."),
    ("demo-gap", _W, "Loaders that count demo_0 .. demo_n-1 fail. Raw files have no gaps.",
     "forkctl data fix --renumber"),
    ("regenerated-gap", _N, "Loaders that count demo_0 .. demo_n-1 fail. Normal here.",
     "forkctl data fix --renumber"),
    # numbers
    ("non-finite", _E, "One NaN makes the loss, then every weight, NaN.", _LEAVE_OUT),
    ("action-out-of-range", _E, "The controller clips it, and statistics go wrong.",
     "Find the conversion that made it; LIBERO's actions lie in [-1, 1]."),
    ("metric-actions", _E, "Metres are executed as fractions of full scale: no motion.",
     "forkctl data fix --actions-from metric"),
    ("rotation-range", _W, "No LIBERO file turns by more than 0.375: normalised values?",
     "Convert them back before training, or compute the statistics from this data."),
    ("action-constant", _W, "A dimension that never moves cannot be learnt.",
     "Check the conversion that wrote the file."),
    ("ee-inconsistent", _E, "ee_pos, ee_ori and ee_states contradict each other.",
     "forkctl data fix --ee-states"),
    ("pose-contradicts", _E, "ee_pos or ee_ori is not the pose in robot_states: an offset, Euler "
     "angles, another frame?", "Take both from robot_states: position 2 to 4, quaternion 5 to 8."),
    ("no-terminal", _W, "Loaders may take the end of an episode from dones.",
     "forkctl data fix --dones"),
    # time
    ("rate", _W, "Evaluation runs at 20 Hz: what took one step takes several, or part of one.",
     "Start from data at 20 Hz; forkctl data convert --hz says what a slower action is."),
    ("time-jump", _W, "Steps are repeated or missing, or two episodes were joined.", _LEAVE_OUT),
    ("noops-dropped", _N, "Rows are no longer one step apart where the hand stood still.",
     "Nothing to fix: the regenerated set leaves them out too."),
    # motion
    ("action-inverted", _E, "The policy learns to move the wrong way.",
     "Flip the sign back; check the robot frame of the conversion."),
    ("action-shifted", _E, "The policy learns the action of another step.",
     "Shift the actions back; check what the conversion dropped first and last."),
    ("action-swapped", _E, "The policy learns to move along the wrong axis.",
     "Put the dimensions of the action in LIBERO's order."),
    ("action-scale", _W, "Motion and commands are of different size: the policy does too little, "
     "or too much.", "Check the unit: 1 is 0.05 m or 0.5 rad; and that the data is at 20 Hz."),
    ("action-unrelated", _W, "Commands do not explain the motion: swapped, or shifted?",
     "Check the order of dimensions and the alignment."),
    ("pose-jump", _W, "The hand jumps: steps are missing, or two episodes were joined.",
     _LEAVE_OUT),
    ("alignment-unclear", _E, "Which observation belongs to which action is unknown.",
     "forkctl data fix --align, with --alignment raw or aligned once you know it."),
    ("alignment-mixed", _E, "Some demos pair actions with the wrong observation.",
     "forkctl data fix --align"),
    ("noop-share", _W, "Policies imitate the stillness, and wait for ever.",
     "forkctl data convert --no-noops"),
    ("episode-long", _W, "Longer than evaluation allows: cannot be imitated in time.", _LEAVE_OUT),
    ("episode-short", _W, "Shorter than a prediction horizon; often a broken recording.",
     _LEAVE_OUT),
    ("episode-cut", _W, "Its begin or its end is missing, and is never learnt.",
     _LEAVE_OUT),
    # gripper
    ("gripper-inverted", _E, "The policy opens where it should close. -1 is open, +1 close.",
     "forkctl data fix --gripper-from inverted"),
    ("gripper-convention", _E, "The gripper is 0/1 instead of -1/+1: it never opens.",
     "forkctl data fix --gripper-from 01 (1 = close) or open (1 = open)"),
    ("gripper-continuous", _W, "Neither open nor closed: loaders' thresholds disagree.",
     "Round it to -1 and +1 before training."),
    ("gripper-still", _W, "The gripper never changes: grasping cannot be learnt.",
     "Check the conversion that wrote the file."),
    ("gripper-states", _W, "Finger positions are not two mirrored values of 0 to 4 cm.",
     "Check the conversion that wrote gripper_states."),
    # images
    ("image-orientation", _W, "LIBERO stores images upside down and loaders turn them once. "
     "Turned twice, evaluation succeeds 0 % of the time.",
     "forkctl data fix --images upright|rot180|mirrored (what they are now)"),
    ("image-bgr", _W, "Red and blue are swapped: evaluation shows other colours.",
     "forkctl data fix --images bgr"),
    ("image-size", _W, "Neither 128 nor 256 pixels: configs that name a size break.",
     "forkctl data convert --image-size 128"),
    ("image-size-mixed", _E, "Batches cannot be stacked.", "forkctl data convert --image-size"),
    ("image-range", _E, "Images in [0, 1] stored as whole numbers: nothing is left.", _AGAIN),
    ("image-blank", _E, "Frames without a picture, as after an interrupted copy.", _AGAIN),
    ("image-frozen", _E, "The picture stands still while the arm moves: nothing to learn from.",
     _LEAVE_OUT),
    ("image-dark", _W, "Far darker than what the policy sees in evaluation.",
     "Check the conversion that wrote the frames."),
    ("image-grey", _W, "No colours, which evaluation has and instructions name.",
     "Check the conversion that wrote the frames."),
    ("image-late", _W, "Frames show another moment than the rest of the step.",
     "Shift the frames back, or leave the demo out."),
    ("camera-twice", _W, "Both cameras are one: the policy has half of what it needs.", _AGAIN),
    ("cameras-swapped", _W, "agentview_rgb and eye_in_hand_rgb have changed places.",
     "forkctl data fix --images swap"),
    # names and sets
    ("language-mismatch", _W, "The text inside differs from the file name, which is what "
     "evaluation uses.", "forkctl data fix --language"),
    ("duplicate-demo", _W, "Counted twice; in train and in valid, it hides over-fitting.",
     _LEAVE_OUT),
    ("duplicate-file", _W, "The same demos in two files.", "Remove one of the files."),
    ("mixed-layouts", _W, "Raw and regenerated files together: sizes and alignment differ.",
     "Keep them in two folders."),
    ("task-missing", _E, "The suite is incomplete; results do not compare.", _AGAIN),
    ("task-unknown", _W, "Not a task of this suite: trained on, never evaluated.",
     "Rename the file after its task, or take it out of the folder."),
    ("count-off", _W, "A few per cent fewer or more demos than published, as other "
     "people's replays have.", "Nothing to fix; report it with your numbers."),
    ("count-wrong", _E, "Far from the published number of demos: results do not compare.", _AGAIN),
)  # fmt: skip

KINDS: Dict[str, FindingKind] = {each[0]: FindingKind(*each) for each in _KINDS}
