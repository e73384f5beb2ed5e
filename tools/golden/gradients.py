"""Gradients of small GPT-2 and T5 models by all of their parameters, from torch's autograd.

    python tools/golden/gradients.py        (packages as in tests/oracle/requirements.txt)

Writes tests/golden/gradients/<kind>_<name>.safetensors with one tensor for each parameter: the
derivative of the sum of cotangent * logits, computed in double precision and rounded once. Models,
weights and sequences are those of gpt2.py and t5.py; the cotangent is a weight of that name
(make_weight), one row for each sequence (GPT-2) or target token (T5). The decoder of T5 is given the
start token and the first 1 + i % 5 tokens of prompt i. ACTIVATIONS keep the first block only, since
the rest is the same as elsewhere.
"""
import os

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2ForSequenceClassification, T5Config

import gpt2
import t5

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden",
                   "gradients")
GPT2 = ["default", "head_dim_3", "inner", "inverse_layer", "epsilon"]
ACTIVATIONS = ["gelu", "relu", "silu", "tanh"]
T5 = ["flan", "v1_0", "gated_silu", "buckets"]


def write(name, gradients):
    save_file({k: v.float().contiguous() for k, v in gradients.items()},
              os.path.join(OUT, name + ".safetensors"))


def gpt2_gradients(name):
    config = GPT2Config(**{**gpt2.BASE, **gpt2.CONFIGS[name]})
    model = GPT2ForSequenceClassification._from_config(config, attn_implementation="eager").eval()
    model.load_state_dict({k: gpt2.make_weight(k.removeprefix("transformer."), tuple(v.shape))
                           for k, v in model.state_dict().items()})
    model.double()
    ids = gpt2.sequences(config)
    cotangent = gpt2.make_weight("cotangent", (len(ids), config.num_labels)).double()
    loss = 0
    for s, c in zip(ids, cotangent):
        hidden = model.transformer(torch.tensor([s]))[0][0, -1]
        loss = loss + (model.score(hidden) * c).sum()
    loss.backward()
    return {k.removeprefix("transformer."): p.grad for k, p in model.named_parameters()}


def t5_gradients(name):
    config = T5Config(**{**t5.BASE, **t5.CONFIGS[name]})
    model = t5.make_model(config)
    model.double()
    prompts = t5.prompts(config)
    targets = [[config.decoder_start_token_id] + s[:1 + i % 5] for i, s in enumerate(prompts)]
    rows = sum(len(t) for t in targets)
    cotangent = t5.make_weight("cotangent", (rows, config.vocab_size)).double()
    loss, row = 0, 0
    for s, t in zip(prompts, targets):
        logits = model(input_ids=torch.tensor([s]), decoder_input_ids=torch.tensor([t])).logits[0]
        loss = loss + (logits * cotangent[row:row + len(t)]).sum()
        row += len(t)
    loss.backward()
    return {k: p.grad for k, p in model.named_parameters()}


def main():
    os.makedirs(OUT, exist_ok=True)
    for name in GPT2:
        write("gpt2_" + name, gpt2_gradients(name))
    for name in ACTIVATIONS:
        write("gpt2_" + name, {k: v for k, v in gpt2_gradients(name).items() if k.startswith("h.0.")})
    for name in T5:
        write("t5_" + name, t5_gradients(name))


if __name__ == "__main__":
    main()
