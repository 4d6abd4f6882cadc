"""Resize rgb frames to `observation.image_dim`, wherever frames meet the network's input form.

Frames arrive as float32 torch tensors with any leading dimensions while training, as one numpy
frame when the shapes are read, and as either in rollouts. Depth frames never come here.
"""

import functools

import numpy as np
import torch
import torch.nn.functional as F

# Set once for each config, before the shapes of the dataset are read, so that crops, pooling and
# encoder sizes follow by themselves.
IMAGE_DIM = None


def set_image_dim(config):
    """Called at the end of `initialize_obs_utils_with_config`, for a run and for a checkpoint."""
    global IMAGE_DIM
    wanted = config.observation.get("image_dim", None)  # hierarchical algorithms have none
    IMAGE_DIM = tuple(int(n) for n in wanted) if wanted else None
    if IMAGE_DIM is not None:
        if len(IMAGE_DIM) != 2:
            raise ValueError("observation.image_dim is [height, width], not {}".format(wanted))
        print(
            "[ObsUtils] IMAGE_DIM set to {} for automatic image resizing".format(IMAGE_DIM),
            flush=True,
        )


def resize_to_image_dim(frames):
    """Frames (..., H, W, C) at IMAGE_DIM, of the same kind and dtype as they came."""
    if IMAGE_DIM is None or tuple(frames.shape[-3:-1]) == IMAGE_DIM:
        return frames
    if isinstance(frames, np.ndarray):
        return _resize_torch(torch.from_numpy(np.ascontiguousarray(frames))).numpy()
    return _resize_torch(frames)


def _resize_torch(frames):
    images = frames.reshape((-1, *tuple(frames.shape[-3:]))).permute(0, 3, 1, 2)
    resized = _interpolate(images).permute(0, 2, 3, 1)
    return resized.reshape(tuple(frames.shape[:-3]) + tuple(resized.shape[1:]))


def _interpolate(images):
    shrinks = IMAGE_DIM[0] < images.shape[-2] or IMAGE_DIM[1] < images.shape[-1]
    kwargs = {"size": IMAGE_DIM, "mode": "bilinear", "align_corners": False, "antialias": shrinks}
    dtype = images.dtype
    if images.device.type == "cpu" and _interpolates_uint8():
        # Frames were uint8 in the file. As bytes this is four to eight times faster, which a CPU
        # feels; a GPU does not, and there the check below would wait for it.
        pixels = images.to(torch.uint8)
        if dtype == torch.uint8 or torch.equal(pixels.to(dtype), images):
            return F.interpolate(pixels, **kwargs).to(dtype)
    if dtype.is_floating_point:
        return F.interpolate(images, **kwargs)
    return F.interpolate(images.float(), **kwargs).round_().to(dtype)


@functools.lru_cache(maxsize=None)
def _interpolates_uint8():
    """Whether this torch can: older ones raise. (On images of a few pixels new ones do, too.)"""
    try:
        probe = torch.zeros((1, 3, 8, 8), dtype=torch.uint8)
        for size in (16, 4):
            F.interpolate(
                probe, size=size, mode="bilinear", align_corners=False, antialias=size < 8
            )
    except (RuntimeError, NotImplementedError):
        return False
    return True
