"""Train the goal-image autoencoder that `algo.skill_conditioning` reads.

python -m robomimic.forkctl_ext.train_skill_vae --data FILE.hdf5 … --out skill_vae.pth
"""

import argparse
import json

import numpy as np
import torch
from robomimic.forkctl_ext.skill_vae import SkillVAE, as_images, save_vae

from forkctl.inside.metrics import append_line, asked_for
from forkctl.libero.files.reader import open_demo_file

_LATE_PART = 0.2  # of a demonstration; its end, where the goal is in sight


def goal_frames(paths, goal_key, per_demo):
    """Frames from the end of every demonstration, uint8 (N, H, W, 3); the very last always."""
    frames = []
    for path in paths:
        with open_demo_file(path) as demos:
            for demo in demos:
                first = int((1.0 - _LATE_PART) * (demo.length - 1))
                chosen = np.unique(np.linspace(first, demo.length - 1, per_demo).astype(int))
                frames += [np.array(demo.frame(goal_key, int(t))) for t in chosen]
    return np.stack(frames)


def train_vae(frames, latent_dim, steps, batch_size, beta, seed, device, log):
    """The trained autoencoder and the mean squared error of a pixel before and after."""
    torch.manual_seed(seed)
    order = np.random.default_rng(seed)
    images = as_images(torch.from_numpy(frames))
    vae = SkillVAE(latent_dim).to(device)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=1e-3)
    errors = []
    for step in range(1, steps + 1):
        batch = images[order.integers(0, len(images), batch_size)].to(device)
        loss, error, divergence = vae.loss(batch, beta)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(error.item() / batch[0].numel())
        if step == 1 or step % 50 == 0 or step == steps:
            log(
                {
                    "step": step,
                    "loss": loss.item(),
                    "pixel_mse": errors[-1],
                    "kl": divergence.item(),
                }
            )
    return vae.eval().cpu(), errors[0], errors[-1]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", required=True, help="LIBERO files")
    parser.add_argument("--out", required=True)
    parser.add_argument("--goal-key", default="agentview_rgb")
    parser.add_argument("--latent-dim", type=int, default=16)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--beta", type=float, default=1.0)
    parser.add_argument("--frames-per-demo", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args(argv)

    metrics = asked_for()

    def log(line):
        print(json.dumps(line), flush=True)
        if metrics:
            append_line(metrics, line)

    frames = goal_frames(args.data, args.goal_key, args.frames_per_demo)
    print("{} goal frames from {} files".format(len(frames), len(args.data)))
    vae, before, after = train_vae(
        frames, args.latent_dim, args.steps, args.batch_size, args.beta, args.seed, args.device, log
    )
    save_vae(vae, args.out, args.goal_key)
    print("pixel error {:.4f} -> {:.4f}; wrote {}".format(before, after, args.out))


if __name__ == "__main__":
    main()
