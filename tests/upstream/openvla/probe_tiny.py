"""Runs in OpenVLA's environment: what upstream's own code makes of the tiny checkpoint."""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import torch
from prismatic.extern.hf.modeling_prismatic import OpenVLAForActionPrediction
from prismatic.extern.hf.processing_prismatic import PrismaticImageProcessor
from prismatic.models.backbones.llm.prompting import PurePromptBuilder
from prismatic.vla.action_tokenizer import ActionTokenizer
from transformers import AutoTokenizer

checkpoint = json.loads(sys.argv[1])["checkpoint"]
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
actions = ActionTokenizer(tokenizer)
action = np.array([-1.0, -0.5, 0.0, 0.3, 0.9, 1.0, 1.0])
builder = PurePromptBuilder("openvla")
builder.add_turn("human", "What action should the robot take to open the top drawer?")
builder.add_turn("gpt", actions(action))
ids = tokenizer(builder.get_prompt(), add_special_tokens=True).input_ids

model = OpenVLAForActionPrediction.from_pretrained(checkpoint, torch_dtype=torch.bfloat16)
size = PrismaticImageProcessor.from_pretrained(checkpoint).input_sizes[0][-1]
torch.manual_seed(0)
labels = torch.tensor([ids])
labels[:, :-8] = -100
with torch.no_grad():
    loss = model(
        input_ids=torch.tensor([ids]),
        pixel_values=torch.randn(1, 6, size, size, dtype=torch.bfloat16),
        labels=labels,
    ).loss
answer = {
    "ids": ids,
    "decoded": actions.decode_token_ids_to_actions(np.array(ids[-8:-1])).tolist(),
    "vocabulary": [tokenizer.vocab_size, tokenizer.pad_token_id],
    "loss": float(loss),
    "uniform": math.log(model.language_model.lm_head.out_features),
}
print("\n" + json.dumps(answer))
