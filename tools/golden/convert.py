"""Odd adapters on small bases, and the models that PEFT and transformers make of them.

    python tools/golden/convert.py        (packages as in tests/oracle/requirements.txt)

Writes tests/golden/convert/: bases (gpt2: a language model; body: its backbone, names without
"transformer."; t5: every name of the embedding, and a head; tied: a head that is the embedding, in a torch
file), adapter folders, and <case>.safetensors, the state dict of merge_and_unload under the names that
`fusion_bench convert` gives. Every adapter is odd in the way that its name says; published ones are.
"""
import json
import os
import shutil

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel, GPT2Model,
                          T5Config, T5ForConditionalGeneration)

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "convert")
GPT2 = dict(n_layer=1, n_embd=4, n_head=2, vocab_size=8, n_positions=4, pad_token_id=0)
T5 = dict(vocab_size=8, d_model=4, d_kv=2, d_ff=4, num_layers=1, num_heads=2, pad_token_id=0, eos_token_id=1)
LM, S2S, CLS = GPT2LMHeadModel, T5ForConditionalGeneration, GPT2ForSequenceClassification
# case: (base, class that PEFT wraps, options)
CASES = {
    "bin-and-safetensors-differ": ("gpt2", LM, dict(target_modules=["c_attn"], fan_in_fan_out=True)),
    "bin-only": ("gpt2", LM, dict(target_modules=["c_attn"], fan_in_fan_out=True)),
    "flag-wrong": ("gpt2", LM, dict(target_modules=["attn.c_proj"], fan_in_fan_out=False)),
    "all-zero-B": ("gpt2", LM, dict(target_modules=["c_attn"], fan_in_fan_out=True)),
    "target-absent-in-base": ("gpt2", LM, dict(target_modules=["c_attn", "q_proj"], fan_in_fan_out=True)),
    "suffix-targets": ("gpt2", LM, dict(target_modules=["attn.c_proj"], fan_in_fan_out=True)),
    "classifier": ("gpt2", CLS, dict(target_modules=["c_attn"], fan_in_fan_out=True, task_type="SEQ_CLS")),
    "classifier-of-body": ("body", CLS, dict(target_modules=["c_attn"], fan_in_fan_out=True, task_type="SEQ_CLS")),
    "names-of-body": ("body", LM, dict(target_modules=["c_fc"], fan_in_fan_out=True)),
    "embedding-of-t5": ("t5", S2S, dict(target_modules=["shared", "q"])),
    "head-of-t5": ("t5", S2S, dict(target_modules=["v"], modules_to_save=["lm_head"])),
    "embedding-of-tied": ("tied", S2S, dict(target_modules=["shared"])),
}


def write_bases():
    torch.manual_seed(1)
    models = {"gpt2": LM(GPT2Config(**GPT2)), "tied": S2S(T5Config(**T5)),
              "t5": S2S(T5Config(feed_forward_proj="gated-gelu", tie_word_embeddings=False, **T5))}
    for model in models.values():
        for p in model.parameters():
            torch.nn.init.normal_(p, std=0.5)
    models["body"] = models["gpt2"].transformer
    for name, model in models.items():
        folder = os.path.join(OUT, name)
        model.save_pretrained(folder, safe_serialization=name != "tied")
        if name in ("t5", "gpt2"):  # every tensor that older files have
            path = os.path.join(folder, "model.safetensors")
            state = load_file(path)
            if name == "t5":
                state["decoder.embed_tokens.weight"] = state["shared.weight"].clone()
            else:
                state["transformer.h.0.attn.bias"] = torch.ones(1, 1, 4, 4, dtype=torch.bool).tril()
            save_file(state, path, metadata={"format": "pt"})


def load(cls, base):
    return cls.from_pretrained(os.path.join(OUT, base), **({"num_labels": 3} if cls is CLS else {}))


def write_adapter(name, base, cls, options):
    torch.manual_seed(sum(name.encode()))
    model = get_peft_model(load(cls, base), LoraConfig(r=2, lora_alpha=3, **options))
    for n, p in model.named_parameters():
        if "lora_" in n or "modules_to_save" in n:
            torch.nn.init.normal_(p, std=0.7)
            if name == "all-zero-B" and "lora_B" in n:
                torch.nn.init.zeros_(p)
    folder = os.path.join(OUT, name)
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    state = load_file(os.path.join(folder, "adapter_model.safetensors"))
    if "bin" in name:
        torch.save({k: v + 1 if "differ" in name else v for k, v in state.items()},
                   os.path.join(folder, "adapter_model.bin"))
    if name == "bin-only":
        os.remove(os.path.join(folder, "adapter_model.safetensors"))
    path = os.path.join(folder, "adapter_config.json")
    config = json.load(open(path))
    config["base_model_name_or_path"] = f"tests/golden/convert/{base}"
    config["target_modules"] = sorted(config["target_modules"])
    with open(path, "w") as f:
        json.dump(config, f, indent=1)


def write_merged(name, base, cls):
    merged = PeftModel.from_pretrained(load(cls, base), os.path.join(OUT, name)).merge_and_unload().state_dict()
    folder = os.path.join(OUT, base)
    stored = torch.load(os.path.join(folder, "pytorch_model.bin"), weights_only=True) if base == "tied" else \
        load_file(os.path.join(folder, "model.safetensors"))
    if name == "names-of-body":  # names stay those of the base
        merged = {k.removeprefix("transformer."): v for k, v in merged.items() if k != "lm_head.weight"}
    kept = {k: v.clone() for k, v in merged.items() if k in stored or cls is CLS}
    kept |= {k: v for k, v in stored.items() if k.endswith("attn.bias") and v.dtype == torch.bool}
    if name == "embedding-of-tied":
        del kept["lm_head.weight"]
    save_file(kept, os.path.join(OUT, f"{name}.safetensors"), metadata={"format": "pt"})
    print(name, len(kept))


def write_refused():
    """Adapters and bases that cannot be merged."""
    def copy(source, name, **changes):
        shutil.copytree(os.path.join(OUT, source), os.path.join(OUT, name))
        path = os.path.join(OUT, name, "adapter_config.json")
        config = json.load(open(path)) | changes
        with open(path, "w") as f:
            json.dump(config, f, indent=1)

    copy("bin-only", "no-base-named", base_model_name_or_path=None)
    copy("bin-only", "base-elsewhere", base_model_name_or_path="org/nowhere", revision="v2")
    copy("bin-only", "pissa", init_lora_weights="pissa")
    copy("head-of-t5", "head-of-tied", base_model_name_or_path="tests/golden/convert/tied")
    state = load_file(os.path.join(OUT, "t5", "model.safetensors"))
    name = "encoder.block.0.layer.0.SelfAttention.q.weight"
    save_file(state | {name: torch.ones(4, 4, dtype=torch.int8)}, os.path.join(OUT, "integers.safetensors"))
    save_file(state | {"decoder.embed_tokens.weight": torch.ones(8, 4)}, os.path.join(OUT, "copies-differ.safetensors"))
    save_file({"ids": torch.arange(3), "mask": torch.tensor([True, False]), "wide": torch.tensor([1 + 2.0 ** -40]).double(),
               "w": torch.tensor([1 + 2.0 ** -11, 65520.0, 1e-8])}, os.path.join(OUT, "types.safetensors"))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    write_bases()
    for name, (base, cls, options) in CASES.items():
        write_adapter(name, base, cls, options)
        write_merged(name, base, cls)
    write_refused()
    for path, _, files in os.walk(OUT):
        for file in files:
            os.chmod(os.path.join(path, file), 0o644)


main()
