"""`fusion_bench convert` against torch, transformers and PEFT.

    python tests/oracle/check_convert.py FUSION_BENCH [ADAPTERS]     (folders of adapters, searched through)

1. A torch file with every type of tensor, written in each --dtype, against exact rounding.
2. Adapters of many configurations, made by PEFT on small random models (T5 and GPT-2, with and without a
   head, names with and without "transformer."), and those of ADAPTERS on random models of their shapes:
   the folder that convert writes is opened with from_pretrained, which must miss no key, meet no
   unexpected one and give what merge_and_unload gives, to one unit in the last place.
3. Adapters that PEFT merges in a way that depends on more than their files must be refused by name.

Prints one line per check; exits 1 if one failed.
"""
import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import torch
from check_lora import base_for, known_to_peft, tensors, ulps
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel, GPT2Model,
                          T5Config, T5ForConditionalGeneration, T5ForSequenceClassification)

PROGRAM = os.path.abspath(sys.argv[1])
FAILED = []


def convert(*arguments):
    return subprocess.run([PROGRAM, "convert", *arguments], capture_output=True, text=True, check=False)


def verdict(name, problem):
    print(f"{name:44} {problem or 'equal'}", flush=True)
    if problem:
        FAILED.append(name)


# ---- 1. types ----

def nearest_bf16(x):
    """float64 -> the bits of bfloat16, rounded once, by the exact neighbours."""
    low = (np.abs(x).astype(np.float32).view(np.uint32) >> 16).astype(np.uint32)
    candidates = np.stack([np.clip(low.astype(np.int64) + k, 0, 0x7f80) for k in (-1, 0, 1)])
    values = (candidates.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    values[candidates == 0x7f80] = 2.0 ** 128  # the step beyond the largest number
    with np.errstate(invalid="ignore"):
        distance = np.abs(values - np.abs(x)) + (candidates & 1) * 1e-320
        ties = distance == distance.min(0)
    pick = np.where(ties & (candidates % 2 == 0), candidates, -1).max(0)
    pick = np.where(pick >= 0, pick, np.take_along_axis(candidates, distance.argmin(0)[None], 0)[0])
    pick = np.where(np.isinf(x), 0x7f80, pick)
    return (pick | (np.signbit(x) * 0x8000)).astype(np.uint16)


def check_types(d):
    rng = np.random.default_rng(1)
    wide = np.concatenate([rng.standard_normal(5000) * 10.0 ** rng.integers(-45, 39, 5000),
                           1 + 2.0 ** -8 + 2.0 ** -np.arange(20.0, 50), [0.0, -0.0, np.inf, -np.inf, 3e38, 3.4e38,
                           65519.999, 65520, 2.0 ** -25, 2.0 ** -25 * 1.0000001, 1e-320, 1e300]])
    state = {"f64": torch.from_numpy(wide), "f32": torch.from_numpy(wide.astype(np.float32)),
             "f16": torch.randn(3, 5).half(), "bf16": torch.randn(7).bfloat16(), "empty": torch.zeros(0, 4),
             "scalar": torch.tensor(2.5), "i64": torch.tensor([2 ** 62 + 1, -7]), "i32": torch.arange(3, dtype=torch.int32),
             "i16": torch.arange(3, dtype=torch.int16), "i8": torch.arange(3, dtype=torch.int8),
             "u8": torch.arange(3, dtype=torch.uint8), "bool": torch.tensor([True, False, True]),
             "view": torch.randn(4, 6).t()[1:4]}
    for source, kwargs in (("a.bin", {}), ("b.pt", {"_use_new_zipfile_serialization": False})):
        torch.save(state, os.path.join(d, source), **kwargs)
        for dtype in ("keep", "float32", "float16", "bfloat16"):
            out = os.path.join(d, f"{source}-{dtype}.safetensors")
            run = convert(os.path.join(d, source), out, "--dtype", dtype)
            found = load_file(out) if run.returncode == 0 else {}
            bad = [] if run.returncode == 0 else [run.stderr]
            for name, t in state.items():
                want = t
                if dtype != "keep" and t.is_floating_point():
                    want = t.to(getattr(torch, dtype))
                    if name == "f64" and dtype == "float16":
                        with np.errstate(over="ignore"):
                            want = torch.from_numpy(wide.astype(np.float16))
                    if name == "f64" and dtype == "bfloat16":
                        want = torch.from_numpy(nearest_bf16(wide).view(np.int16)).view(torch.bfloat16)
                if name not in found or found[name].dtype != want.dtype or not torch.equal(found[name], want):
                    bad.append(name)
            verdict(f"types {source} --dtype {dtype}", bad and f"differ: {bad}")


# ---- 2. adapters ----

def small(kind):
    torch.manual_seed(5)
    if kind.startswith("gpt2"):
        config = GPT2Config(n_layer=2, n_embd=16, n_head=2, vocab_size=20, n_positions=8, pad_token_id=0,
                            num_labels=5 if kind == "gpt2-5" else 2)
        cls = {"gpt2-lm": GPT2LMHeadModel, "gpt2-body": GPT2Model}.get(kind, GPT2ForSequenceClassification)
    else:
        config = T5Config(vocab_size=24, d_model=16, d_kv=4, d_ff=20, num_layers=2, num_heads=2, num_labels=3,
                          num_decoder_layers=3 if kind == "t5-deep" else 2, tie_word_embeddings=kind == "t5-tied",
                          feed_forward_proj="relu" if kind == "t5-tied" else "gated-gelu", pad_token_id=0, eos_token_id=1)
        cls = T5ForSequenceClassification if kind == "t5-cls" else T5ForConditionalGeneration
    model = cls(config)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return model


# name: (model, form of the base's files, options)
S2S, LM, CLS = "SEQ_2_SEQ_LM", "CAUSAL_LM", "SEQ_CLS"
ADAPTERS = {
    "plain": ("t5", "own", dict(target_modules=["q", "v"], task_type=S2S)),
    "t5-bin": ("t5", "bin", dict(target_modules=["q", "v"], task_type=S2S)),
    "t5-all-names": ("t5", "copies", dict(target_modules=["q", "wi_0", "wo"], task_type=S2S)),
    "t5-tied": ("t5-tied", "own", dict(target_modules=["q", "wi", "o"], task_type=S2S)),
    "t5-tied-bin": ("t5-tied", "bin", dict(target_modules=["q", "wi", "o"], task_type=S2S)),
    "t5-deep-decoder": ("t5-deep", "own", dict(target_modules=["k", "wi_1"], task_type=S2S)),
    "rank-and-alpha": ("t5", "own", dict(target_modules=["q", "k", "wo"], rank_pattern={"k": 3, "SelfAttention.q": 5},
                                         alpha_pattern={"wo": 7, "block.0.layer.0.SelfAttention.k": 1}, task_type=S2S)),
    "rslora": ("t5", "own", dict(target_modules=["q"], use_rslora=True, alpha_pattern={"q": 11}, task_type=S2S)),
    "regex": ("t5", "own", dict(target_modules=r".*decoder.*(SelfAttention|EncDecAttention)\.(q|o)$", task_type=S2S)),
    "all-linear": ("t5", "own", dict(target_modules="all-linear", task_type=S2S)),
    "all-linear-gpt2": ("gpt2", "own", dict(target_modules="all-linear", task_type=CLS)),
    "layers-list": ("t5", "own", dict(target_modules=["q"], layers_to_transform=[1], layers_pattern="block", task_type=S2S)),
    "layers-number": ("gpt2-lm", "own", dict(target_modules=["c_attn"], layers_to_transform=1, task_type=LM)),
    "layers-patterns": ("gpt2-lm", "own", dict(target_modules=["c_attn"], layers_to_transform=[0],
                                              layers_pattern=["block", "h"], task_type=LM)),
    "full-path": ("t5", "own", dict(target_modules=["encoder.block.1.layer.0.SelfAttention.q"], task_type=S2S)),
    "bias-all": ("gpt2", "own", dict(target_modules=["c_fc"], bias="all", task_type=CLS)),
    "bias-lora-only": ("gpt2", "own", dict(target_modules=["c_fc"], bias="lora_only", task_type=CLS)),
    "embedding": ("gpt2-lm", "own", dict(target_modules=["wte", "c_attn"], task_type=LM)),
    "embedding-tied-bin": ("gpt2-lm", "bin", dict(target_modules=["wte"], task_type=LM)),
    "embedding-t5": ("t5", "copies", dict(target_modules=["shared", "q"], task_type=S2S)),
    "lm-head-t5": ("t5", "own", dict(target_modules=["lm_head", "q"], task_type=S2S)),
    "saved-head-t5": ("t5", "own", dict(target_modules=["q"], modules_to_save=["lm_head"], task_type=S2S)),
    "saved-norm": ("t5", "own", dict(target_modules=["q"], modules_to_save=["final_layer_norm"], task_type=S2S)),
    "saved-embedding": ("gpt2-lm", "own", dict(target_modules=["c_attn"], modules_to_save=["wpe"], task_type=LM)),
    "gaussian": ("t5", "own", dict(target_modules=["q"], init_lora_weights="gaussian", task_type=S2S)),
    "no-init": ("t5", "own", dict(target_modules=["q"], init_lora_weights=False, task_type=S2S)),
    "no-task": ("gpt2-lm", "own", dict(target_modules=["attn.c_proj"], fan_in_fan_out=True)),
    "flag-wrong": ("gpt2-lm", "own", dict(target_modules=["attn.c_proj"], fan_in_fan_out=False, task_type=LM)),
    "body": ("gpt2-lm", "body", dict(target_modules=["attn.c_proj"], task_type=LM)),
    "on-body": ("gpt2-body", "own", dict(target_modules=["c_attn"])),
    "on-body-of-lm": ("gpt2-body", "lm", dict(target_modules=["c_attn"])),
    "head": ("gpt2", "own", dict(target_modules=["c_attn"], task_type=CLS)),
    "head-on-body": ("gpt2", "body", dict(target_modules=["c_attn"], task_type=CLS)),
    "head-on-lm-bin": ("gpt2", "lm-bin", dict(target_modules=["c_attn"], task_type=CLS)),
    "head-on-lm": ("gpt2", "lm", dict(target_modules=["c_attn"], task_type=CLS)),
    "five-labels-on-body": ("gpt2-5", "body", dict(target_modules=["c_attn", "c_fc"], task_type=CLS)),
    "t5-classifier": ("t5-cls", "t5", dict(target_modules=["q"], modules_to_save=["classification_head"], task_type=CLS)),
    "shards": ("t5", "shards", dict(target_modules=["q", "v"], task_type=S2S)),
    "half-base": ("t5", "half", dict(target_modules=["q", "v"], task_type=S2S)),
}

# what merge_and_unload gives depends on more than the files, or needs more than is read
REFUSED = {
    "pissa": dict(target_modules=["q"], init_lora_weights="pissa"),
    "pissa-niter": dict(target_modules=["q"], init_lora_weights="pissa_niter_4"),
    "olora": dict(target_modules=["q"], init_lora_weights="olora"),
    "dora": dict(target_modules=["q"], use_dora=True),
}
# keys of later versions that change what is computed, put into a plain adapter's configuration
REFUSED_KEYS = {"layer_replication": [[0, 2]], "lora_bias": True, "use_qalora": True, "target_parameters": ["q"],
                "trainable_token_indices": [1], "alora_invocation_tokens": [1], "init_lora_weights": "corda"}


def write_base(model, form, out):
    """The files that the adapter is merged into: names and classes as users have them."""
    os.makedirs(out)
    binary = form.endswith("bin")
    form = form.removesuffix("-bin")
    if form in ("body", "lm", "t5"):
        body = model if isinstance(model, GPT2Model) else model.transformer
        cls = {"body": GPT2Model, "lm": GPT2LMHeadModel, "t5": T5ForConditionalGeneration}[form]
        config = type(model.config).from_dict({k: v for k, v in model.config.to_dict().items()
                                               if k not in ("id2label", "label2id")})
        other = cls(config)
        inner = other if form in ("body", "t5") else other.transformer
        inner.load_state_dict(body.state_dict(), strict=False)
        other.save_pretrained(out, safe_serialization=not binary)
        return
    if form == "half":
        model.half().save_pretrained(out)
        model.float()
        return
    model.save_pretrained(out, safe_serialization=not binary, max_shard_size="20KB" if form == "shards" else "5GB")
    if form == "copies":
        path = os.path.join(out, "model.safetensors")
        state = load_file(path)
        for stack in ("encoder", "decoder"):
            state[f"{stack}.embed_tokens.weight"] = state["shared.weight"].clone()
        save_file(state, path, metadata={"format": "pt"})


def randomize(model):
    for name, p in model.named_parameters():
        if "lora_" in name or "modules_to_save" in name or (name.endswith("bias") and p.requires_grad):
            torch.nn.init.normal_(p, std=0.7)


def compare(cls, folder, merged):
    model, info = cls.from_pretrained(folder, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info[kind]:
            return f"{kind}: {info[kind][:3]}"
    got, want = model.state_dict(), merged.state_dict()
    if set(got) != set(want):
        return f"keys differ: {sorted(set(got) ^ set(want))[:3]}"
    worst = max(ulps(got[k], want[k]) for k in want)
    return f"differs by {worst} ulp" if worst > 1 else None


def check_adapter(d, name, kind, form, options):
    model = small(kind)
    base, adapter, out = (os.path.join(d, name + "-" + part) for part in ("base", "adapter", "out"))
    write_base(model, form, base)
    if form == "half":
        model = type(model).from_pretrained(base).float()
    wrapped = get_peft_model(model, LoraConfig(r=4, lora_alpha=6, **options))
    randomize(wrapped)
    wrapped.save_pretrained(adapter)
    # What the files say, not what this object holds (plain biases are not loaded again).
    fresh = type(model).from_pretrained(base, num_labels=model.config.num_labels, torch_dtype=torch.float32)
    merged = PeftModel.from_pretrained(fresh, adapter).merge_and_unload()
    run = convert("--base", base, adapter, out, "--dtype", "float32")
    if run.returncode:
        return verdict(name, run.stderr.strip())
    verdict(name, compare(type(model), out, merged))
    again = convert(adapter, out + ".safetensors", "--dtype", "float32")  # the base that is named
    first = load_file(os.path.join(out, "model.safetensors"))
    path = json.load(open(os.path.join(adapter, "adapter_config.json")))["base_model_name_or_path"]
    if path and again.returncode == 0:
        second = load_file(out + ".safetensors")
        verdict(name + " (named base)", None if set(first) == set(second) and all(
            torch.equal(first[k], second[k]) for k in first) else "differs")


def check_refused(d, name, options, patch=None):
    model = small("t5")
    base, adapter = os.path.join(d, "r-base"), os.path.join(d, name + "-refused")
    model.save_pretrained(base)
    get_peft_model(model, LoraConfig(r=4, lora_alpha=6, task_type=S2S, **options)).save_pretrained(adapter)
    if patch:
        path = os.path.join(adapter, "adapter_config.json")
        config = json.load(open(path)) | patch
        with open(path, "w") as f:
            json.dump(config, f)
    run = convert("--base", base, adapter, os.path.join(d, name + ".safetensors"))
    print(f"{name:44} {run.stderr.strip()[-150:]}")
    if run.returncode != 1:
        verdict(name, "was not refused")


def check_real(d, name, folder):
    model, _ = base_for(tensors(folder))
    base, out = os.path.join(d, "base"), os.path.join(d, "out")
    model.save_pretrained(base)
    run = convert("--base", base, folder, out)
    if run.returncode:
        return verdict(name, run.stderr.strip())
    known = known_to_peft(folder, os.path.join(d, "known"))
    verdict(name, compare(type(model), out, PeftModel.from_pretrained(model, known).merge_and_unload()))


def main():
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as d:
        check_types(d)
    with tempfile.TemporaryDirectory() as d:
        for name, (kind, form, options) in ADAPTERS.items():
            check_adapter(d, name, kind, form, options)
        for name, options in REFUSED.items():
            check_refused(d, name, options)
        for key, value in REFUSED_KEYS.items():
            check_refused(d, key, dict(target_modules=["q"]), {key: value})
    for folder, _, files in sorted(os.walk(sys.argv[2])) if len(sys.argv) > 2 else ():
        if "adapter_config.json" in files:
            with tempfile.TemporaryDirectory() as d:
                check_real(d, os.path.relpath(folder, sys.argv[2]), os.path.abspath(folder))
    print(f"{len(FAILED)} failed: {' '.join(FAILED)}" if FAILED else "0 failed")
    sys.exit(bool(FAILED))


if __name__ == "__main__":
    main()
