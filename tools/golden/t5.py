"""Encoder states, first logits and greedy generations of small T5 models, from transformers.

    python tools/golden/t5.py        (packages as in tests/oracle/requirements.txt)

Writes tests/golden/t5/<name>.json: the configuration, prompts of token ids, for each prompt the
encoder state of its last token, the first 8 logits of the first step and the generated ids without
the start token. The weights are not stored: both sides make them from the tensor's name and shape
(make_weight here, golden_weight in tests/unit/model/golden_t5.h). Also relative.json: the buckets of
distances.
"""
import json
import os

import numpy as np
import torch
import transformers
from transformers import T5Config, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Attention

from weights import unit

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "t5")
BASE = dict(vocab_size=60, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2,
            decoder_start_token_id=0, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
CONFIGS = {
    "flan": {},
    "v1_0": dict(feed_forward_proj="relu", tie_word_embeddings=True),
    "gated_silu": dict(feed_forward_proj="gated-silu"),
    "gelu": dict(feed_forward_proj="gelu"),
    "deeper_decoder": dict(num_layers=1, num_decoder_layers=3),
    "deeper_encoder": dict(num_layers=3, num_decoder_layers=1),
    "wide_heads": dict(d_kv=24, num_heads=3),
    "narrow_heads": dict(d_kv=3, num_heads=5),
    "buckets": dict(relative_attention_num_buckets=8, relative_attention_max_distance=20),
    "epsilon": dict(layer_norm_epsilon=0.1, tie_word_embeddings=True),
    "other_tokens": dict(eos_token_id=7, decoder_start_token_id=3),
}


def make_weight(name, shape):
    """Rounded once from double precision."""
    numbers = unit(name, shape)
    if len(shape) == 1:
        numbers = numbers * 0.2 + 1.0
    elif name.startswith("shared") or "relative" in name:
        numbers = numbers * 2.0
    else:
        numbers = numbers * (1.5 / np.sqrt(float(shape[1])))
    return torch.from_numpy(numbers.astype(np.float32).reshape(shape))


def prompts(config):
    rng = np.random.default_rng(7)
    draw = lambda n: rng.integers(2, config.vocab_size, n).tolist() + [1]
    return [draw(n) for n in (1, 5, 5, 30, 12, 150, 2, 17, 64, 3, 9, 20)]


def make_model(config):
    model = T5ForConditionalGeneration(config).eval()
    state = model.state_dict()
    for key in list(state):
        source = "shared.weight" if key.endswith("embed_tokens.weight") else key
        if config.tie_word_embeddings and key == "lm_head.weight":
            source = "shared.weight"
        state[key] = make_weight(source, tuple(state[key].shape))
    model.load_state_dict(state)
    return model


def golden(config, name):
    model = make_model(config)
    ids, hidden, logits, generated = prompts(config), [], [], []
    number = lambda v: float("%.9g" % v)
    with torch.no_grad():
        for s in ids:
            x = torch.tensor([s])
            hidden.append([number(v) for v in model.encoder(x)[0][0, -1].tolist()])
            start = torch.tensor([[config.decoder_start_token_id]])
            first = model(input_ids=x, decoder_input_ids=start).logits[0, 0]
            logits.append([number(v) for v in first[:8].tolist()])
            out = model.generate(x, max_length=10, attention_mask=torch.ones_like(x))[0].tolist()
            generated.append(out[1:])
    keys = [k for k in T5Config().to_dict() if k in (
        "vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_decoder_layers", "num_heads",
        "relative_attention_num_buckets", "relative_attention_max_distance", "layer_norm_epsilon",
        "feed_forward_proj", "tie_word_embeddings", "pad_token_id", "eos_token_id",
        "decoder_start_token_id", "model_type")]
    return {"made_by": f"transformers {transformers.__version__}, torch {torch.__version__}",
            "config": {k: config.to_dict()[k] for k in keys}, "sequences": ids, "hidden": hidden,
            "logits": logits, "generated": generated}


def relative():
    """Runs of equal buckets for distances -300 .. 300: [first distance, bucket] each."""
    cases = []
    for buckets, most in ((32, 128), (8, 20), (16, 64), (32, 1000), (10, 33)):
        for both in (True, False):
            d = torch.arange(-300, 301)
            b = T5Attention._relative_position_bucket(d, both, buckets, most).tolist()
            runs = [[i - 300, v] for i, v in enumerate(b) if i == 0 or b[i - 1] != v]
            cases.append({"buckets": buckets, "max_distance": most, "bidirectional": both,
                          "runs": runs})
    return {"cases": cases}


def write(name, value):
    with open(os.path.join(OUT, name + ".json"), "w") as f:
        json.dump(value, f, separators=(",", ":"))
        f.write("\n")


def main():
    os.makedirs(OUT, exist_ok=True)
    for name, changes in CONFIGS.items():
        g = golden(T5Config(**{**BASE, **changes}), name)
        print(name, g["generated"][:4])
        write(name, g)
    write("relative", relative())


if __name__ == "__main__":
    main()
