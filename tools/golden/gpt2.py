"""Hidden states and logits of small GPT-2 models, from transformers.

    python tools/golden/gpt2.py        (packages as in tests/oracle/requirements.txt)

Writes tests/golden/gpt2/<name>.json: the configuration, sequences of token ids, and for each
sequence the hidden state of its last token after ln_f and the logits. The weights are not stored:
both sides make them from the tensor's name and shape (make_weight here, golden_weight in
tests/unit/model/golden_weight.h).
"""
import json
import os

import numpy as np
import torch
import transformers
from transformers import GPT2Config, GPT2ForSequenceClassification

from weights import unit

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "gpt2")
BASE = dict(n_layer=2, n_head=2, n_embd=16, n_positions=24, vocab_size=40, pad_token_id=39)
CONFIGS = {
    "default": {},
    "one_layer": dict(n_layer=1),
    "one_head": dict(n_head=1),
    "head_dim_1": dict(n_head=7, n_embd=7),
    "head_dim_3": dict(n_head=5, n_embd=15, num_labels=3),
    "head_dim_5": dict(n_head=3, n_embd=15),
    "head_dim_64": dict(n_head=2, n_embd=128, n_layer=1),
    "head_dim_80": dict(n_head=1, n_embd=80, n_layer=1),
    "inner": dict(n_inner=37),
    "long": dict(n_positions=70),
    "gelu": dict(activation_function="gelu"),
    "relu": dict(activation_function="relu"),
    "silu": dict(activation_function="silu"),
    "tanh": dict(activation_function="tanh"),
    "gelu_fast": dict(activation_function="gelu_fast"),
    "unscaled": dict(scale_attn_weights=False),
    "inverse_layer": dict(n_layer=3, scale_attn_by_inverse_layer_idx=True, num_labels=1),
    "upcast": dict(scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True),
    "epsilon": dict(layer_norm_epsilon=0.1, num_labels=5),
}


def make_weight(name, shape):
    """Rounded once from double precision."""
    numbers = unit(name, shape)
    if name.startswith("w"):
        numbers = numbers * 0.5
    elif len(shape) == 2:
        numbers = numbers * (1.5 / np.sqrt(float(shape[0])))
    elif name.endswith("weight"):
        numbers = numbers * 0.2 + 1.0
    else:
        numbers = numbers * 0.1
    return torch.from_numpy(numbers.astype(np.float32).reshape(shape))


def sequences(config):
    """Shared beginnings, a beginning that is a sequence itself, equal ones, the longest possible."""
    rng = np.random.default_rng(7)
    draw = lambda n: rng.integers(0, config.vocab_size - 1, n).tolist()
    head, tail = draw(9), draw(4)
    return [draw(1), head + tail, head + draw(5), head, draw(config.n_positions), head + tail,
            head[:3] + draw(8)]


def main():
    torch.manual_seed(0)
    os.makedirs(OUT, exist_ok=True)
    for name, changes in CONFIGS.items():
        config = GPT2Config(**{**BASE, **changes})
        model = GPT2ForSequenceClassification._from_config(config, attn_implementation="eager").eval()
        state = {k: make_weight(k.removeprefix("transformer."), tuple(v.shape))
                 for k, v in model.state_dict().items()}
        model.load_state_dict(state)
        ids = sequences(config)
        hidden, logits = [], []
        with torch.no_grad():
            for s in ids:
                h = model.transformer(torch.tensor([s]))[0][0, -1]
                hidden.append([float("%.9g" % v) for v in h.tolist()])
                logits.append([float("%.9g" % v) for v in model.score(h).tolist()])
        keys = ("model_type", "n_layer", "n_head", "n_embd", "n_inner", "n_positions", "vocab_size",
                "pad_token_id", "activation_function", "layer_norm_epsilon", "scale_attn_weights",
                "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "id2label")
        golden = {"made_by": f"transformers {transformers.__version__}, torch {torch.__version__}",
                  "config": {k: config.to_dict()[k] for k in keys},
                  "sequences": ids, "hidden": hidden, "logits": logits}
        with open(os.path.join(OUT, name + ".json"), "w") as f:
            json.dump(golden, f, separators=(",", ":"))
            f.write("\n")


if __name__ == "__main__":
    main()
