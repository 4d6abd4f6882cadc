"""Make, with the DROID fork itself, a checkpoint as DROID's own recipe would leave one.

Two scene cameras, ten actions (position, rotation in six numbers, gripper), ResNet50 and the full
UNet. Run inside the fork's environment with its applied tree on PYTHONPATH.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

SHAPES = {
    "camera/image/varied_camera_1_left_image": (180, 320, 3),
    "camera/image/varied_camera_2_left_image": (180, 320, 3),
    "robot_state/cartesian_position": (6,),
    "robot_state/gripper_position": (1,),
}
ACTION_DIM = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()

    import robomimic.utils.train_utils as train_utils
    from robomimic.forkctl_ext.describe import build_model, read_config

    torch.manual_seed(7)
    config = read_config(args.config)
    model = build_model(config, SHAPES, ACTION_DIM)
    with torch.no_grad():  # an average that differs from the weights, as after training
        for weight in model.ema.averaged_model.parameters():
            weight.mul_(0.5)
    shapes = {key: list(shape) for key, shape in model.obs_shapes.items()}
    train_utils.save_model(
        model=model,
        config=config,
        env_meta={},
        shape_meta={"ac_dim": ACTION_DIM, "all_shapes": shapes, "use_images": True},
        ckpt_path=args.out,
    )
    state = model.nets.state_dict()
    print(json.dumps({"tensors": len(state), "bytes": Path(args.out).stat().st_size}))


if __name__ == "__main__":
    sys.exit(main())
