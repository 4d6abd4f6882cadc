"""What a checkpoint contains, and which of its tensors a model can take over.

Overlays import this package inside each fork's own environment, so it runs on Python 3.9 with any
torch from 1.13 on, and only the module that moves tensors imports torch.
"""
