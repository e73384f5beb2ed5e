"""Merged adapters against PEFT's merge_and_unload, bit by bit.

    python tests/oracle/check_lora.py FUSION_BENCH ADAPTERS     (folders of adapters, searched through)

For each adapter a base of its shapes is made with random weights in a temporary folder (GPT-2 or T5,
cut to the layers that the adapter has), the program merges the adapter into it, and every tensor is
compared with what PEFT makes of the same files. Prints one line per adapter with the largest
difference in units in the last place.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file
from transformers import (GPT2Config, GPT2ForSequenceClassification, T5Config,
                          T5ForConditionalGeneration)


def tensors(folder):
    path = os.path.join(folder, "adapter_model.safetensors")
    if os.path.exists(path):
        return load_file(path)
    return torch.load(os.path.join(folder, "adapter_model.bin"), weights_only=True,
                      map_location="cpu")


def base_for(adapter):
    """A random model in which every matrix of the adapter fits."""
    names = {k: v.shape for k, v in adapter.items()}
    score = [s for k, s in names.items() if k.endswith("score.weight")]
    torch.manual_seed(1)
    if any(".h." in k for k in names):
        layers = 1 + max(int(re.search(r"\.h\.(\d+)\.", k)[1]) for k in names if ".h." in k)
        width = next(s[1] for k, s in names.items() if "attn.c_attn.lora_A" in k)
        config = GPT2Config(n_layer=layers, n_embd=width, vocab_size=50, n_positions=8,
                            pad_token_id=0, num_labels=score[0][0] if score else 2)
        return GPT2ForSequenceClassification(config), "HF_GPT2ForSequenceClassification"
    layers = 1 + max(int(re.search(r"block\.(\d+)\.", k)[1]) for k in names)
    q = next(k for k in names if "SelfAttention.q.lora_A" in k)
    model, inner = names[q][1], names[q.replace("lora_A", "lora_B")][0]
    config = T5Config(vocab_size=60, d_model=model, d_kv=64, num_heads=inner // 64, d_ff=32,
                      num_layers=layers, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    return T5ForConditionalGeneration(config), "PeftModelForSeq2SeqLMPool"


def merge(program, pool, base, adapter, out):
    models = f"[{{name: _pretrained_, path: '{base}'}}, {{name: x, path: '{adapter}'}}]"
    subprocess.run([program, "method=simple_average", f"modelpool={{type: {pool}, models: {models}}}",
                    "~taskpool", f"merged_model_save_path={out}", "print_config=false"],
                   check=True, capture_output=True, cwd=os.path.dirname(out),
                   text=True)
    return load_file(out)


def ulps(a, b):
    i, j = (x.numpy().view(np.int32).astype(np.int64) for x in (a, b))
    i, j = (np.where(x < 0, -(x & 0x7FFFFFFF), x) for x in (i, j))
    return int(np.abs(i - j).max()) if i.size else 0


def known_to_peft(folder, out):
    """The adapter without the keys of later versions, which this one does not take."""
    os.makedirs(out)
    config = json.load(open(os.path.join(folder, "adapter_config.json")))
    known = LoraConfig.__dataclass_fields__
    with open(os.path.join(out, "adapter_config.json"), "w") as f:
        json.dump({k: v for k, v in config.items() if k in known}, f)
    for name in ("adapter_model.safetensors", "adapter_model.bin"):
        if os.path.exists(os.path.join(folder, name)):
            os.symlink(os.path.join(folder, name), os.path.join(out, name))
    return out


def check(program, folder):
    with tempfile.TemporaryDirectory() as d:
        model, pool = base_for(tensors(folder))
        base = os.path.join(d, "base")
        model.save_pretrained(base)
        got = merge(program, pool, base, folder, os.path.join(d, "merged.safetensors"))
        known = known_to_peft(folder, os.path.join(d, "known"))
        want = PeftModel.from_pretrained(model, known).merge_and_unload().state_dict()
        want = {k.removeprefix("transformer."): v for k, v in want.items()
                if not k.endswith("embed_tokens.weight") and k != "score.weight"}
    if set(got) != set(want):
        return f"keys differ: {sorted(set(got) ^ set(want))[:4]}"
    worst = max(ulps(got[k], want[k]) for k in want)
    return f"{len(want)} tensors, largest difference {worst} ulp" + ("" if worst <= 1 else " FAILED")


def main():
    program, failed = os.path.abspath(sys.argv[1]), 0
    for folder, _, files in sorted(os.walk(sys.argv[2])):
        if "adapter_config.json" not in files:
            continue
        kind = json.load(open(os.path.join(folder, "adapter_config.json"))).get("peft_type")
        try:
            line = check(program, os.path.abspath(folder))
        except subprocess.CalledProcessError as e:
            line = "FAILED: " + e.stderr.strip().splitlines()[-1]
        failed += "FAILED" in line or "keys differ" in line
        print(f"{os.path.relpath(folder, sys.argv[2]):36} {kind}: {line}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
