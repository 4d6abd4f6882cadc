"""A small variational autoencoder of goal images: what a skill should bring about, in numbers."""

from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from forkctl.checkpoints.loading import load_plain

IMAGE_SIZE = 64
_CHANNELS = (32, 64, 128, 256)
_SMALLEST = IMAGE_SIZE // 2 ** len(_CHANNELS)


class SkillVAE(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.latent_dim = latent_dim
        flat = _CHANNELS[-1] * _SMALLEST * _SMALLEST
        down, channels = [], 3
        for wider in _CHANNELS:
            down += [nn.Conv2d(channels, wider, 4, stride=2, padding=1), nn.GroupNorm(8, wider)]
            down += [nn.SiLU()]
            channels = wider
        self.encoder = nn.Sequential(*down, nn.Flatten())
        self.moments = nn.Linear(flat, 2 * latent_dim)
        up = []
        for narrower in (*_CHANNELS[-2::-1], 3):
            up += [nn.SiLU(), nn.ConvTranspose2d(channels, narrower, 4, stride=2, padding=1)]
            channels = narrower
        self.unflatten = nn.Linear(latent_dim, flat)
        self.decoder = nn.Sequential(nn.Unflatten(1, (_CHANNELS[-1], _SMALLEST, _SMALLEST)), *up)

    def encode(self, images):
        """Mean and log variance of the latent, for images (B, 3, 64, 64) in [0, 1]."""
        return self.moments(self.encoder(images * 2.0 - 1.0)).chunk(2, dim=-1)

    def decode(self, latent):
        return torch.sigmoid(self.decoder(self.unflatten(latent)))

    def loss(self, images, beta):
        """Squared error of the picture plus beta times the divergence, both a sum per image."""
        mean, log_variance = self.encode(images)
        latent = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        error = F.mse_loss(self.decode(latent), images, reduction="none").sum((1, 2, 3)).mean()
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1.0 - log_variance).sum(-1).mean()
        return error + beta * divergence, error, divergence


def as_images(frames):
    """uint8 frames (..., H, W, 3) as the (B, 3, 64, 64) in [0, 1] that the encoder reads."""
    frames = torch.as_tensor(frames).reshape((-1, *tuple(frames.shape[-3:])))
    return shrink(frames.permute(0, 3, 1, 2).float() / 255.0)


def shrink(images):
    """Images (B, 3, H, W) in [0, 1] at the encoder's size."""
    size = (IMAGE_SIZE, IMAGE_SIZE)
    if tuple(images.shape[-2:]) == size:
        return images
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=True)


def save_vae(vae, path, goal_key):
    torch.save(
        {"model": vae.state_dict(), "latent_dim": vae.latent_dim, "goal_key": goal_key}, str(path)
    )


def load_vae(path):
    """The autoencoder and the camera that it was trained on."""
    saved = load_plain(Path(path))
    vae = SkillVAE(saved["latent_dim"])
    vae.load_state_dict(saved["model"])
    return vae, saved["goal_key"]
