"""Small bases, adapters in PEFT's format, and what PEFT's merge_and_unload makes of them.

    python tools/golden/lora.py        (packages as in tests/oracle/requirements.txt)

Writes tests/golden/lora/<architecture>/base/ (config.json, model.safetensors), adapter folders, and
<case>.safetensors with the merged tensors that differ from the base, under state-dict names; averages
and task arithmetic of three adapters by FusionBench's own classes as methods-<name>.safetensors.
"""
import json
import os
import shutil

import merge  # noqa: F401  makes FusionBench importable without what it does not need here
import torch
from fusion_bench.method import SimpleAverageAlgorithm, TaskArithmeticAlgorithm, TiesMergingAlgorithm
from fusion_bench.modelpool import BaseModelPool
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import (GPT2Config, GPT2ForSequenceClassification, T5Config,
                          T5ForConditionalGeneration)

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "lora")
SEQ2SEQ, SEQ_CLS = "SEQ_2_SEQ_LM", "SEQ_CLS"
T5 = dict(vocab_size=24, d_model=16, d_kv=4, d_ff=20, num_layers=2, num_heads=2,
          feed_forward_proj="gated-gelu", tie_word_embeddings=False)
GPT2 = dict(n_layer=2, n_embd=16, n_head=2, vocab_size=20, n_positions=8, pad_token_id=0, num_labels=3)
CASES = {
    "t5": {
        "plain": dict(r=4, lora_alpha=8, target_modules=["q", "v"]),
        "rslora": dict(r=3, lora_alpha=5, target_modules=["q"], use_rslora=True),
        "patterns": dict(r=2, lora_alpha=4, target_modules=["q", "k", "wo"],
                         rank_pattern={"k": 5, "decoder.block.0.layer.0.SelfAttention.q": 3},
                         alpha_pattern={"wo": 7}),
        "regex": dict(r=2, lora_alpha=4, target_modules=r".*encoder.*\.(q|wi_[01])"),
        "layers": dict(r=2, lora_alpha=4, target_modules=["q"], layers_to_transform=[1],
                       layers_pattern="block"),
        "head": dict(r=2, lora_alpha=4, target_modules=["v"], modules_to_save=["lm_head"]),
    },
    "gpt2": {
        "plain": dict(r=4, lora_alpha=8, target_modules=["c_attn"], fan_in_fan_out=True),
        "suffix": dict(r=2, lora_alpha=4, target_modules=["attn.c_proj"], fan_in_fan_out=False),
        "all": dict(r=8, lora_alpha=4, target_modules=["c_attn", "c_proj", "c_fc"],
                    fan_in_fan_out=True),
        "bias": dict(r=2, lora_alpha=4, target_modules=["c_fc"], fan_in_fan_out=True, bias="all"),
    },
}


def base(kind):
    torch.manual_seed(3)
    model = T5ForConditionalGeneration(T5Config(**T5)) if kind == "t5" else \
        GPT2ForSequenceClassification(GPT2Config(**GPT2))
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.5)
    folder = os.path.join(OUT, kind, "base")
    model.save_pretrained(folder)
    config = os.path.join(folder, "generation_config.json")
    if os.path.exists(config):
        os.remove(config)
    return folder


def load(kind, folder):
    cls = T5ForConditionalGeneration if kind == "t5" else GPT2ForSequenceClassification
    return cls.from_pretrained(folder)


def state(model):
    return {k.removeprefix("transformer."): v.clone() for k, v in model.state_dict().items()
            if not k.endswith("embed_tokens.weight") and k != "score.weight"}


def adapter(kind, name, options, folder):
    torch.manual_seed(sum(name.encode()))
    config = LoraConfig(task_type=SEQ2SEQ if kind == "t5" else SEQ_CLS, **options)
    model = get_peft_model(load(kind, folder), config)
    for n, p in model.named_parameters():
        if "lora_" in n or "modules_to_save" in n or (n.endswith("bias") and "lora" not in n):
            torch.nn.init.normal_(p, std=0.7)
    out = os.path.join(OUT, kind, name)
    model.save_pretrained(out)
    os.remove(os.path.join(out, "README.md"))
    path = os.path.join(out, "adapter_config.json")
    text = json.load(open(path))
    text["base_model_name_or_path"] = "base"
    text["target_modules"] = (sorted(text["target_modules"])
                              if isinstance(text["target_modules"], list) else text["target_modules"])
    json.dump(text, open(path, "w"), indent=1)
    merged = PeftModel.from_pretrained(load(kind, folder), out).merge_and_unload()
    before = state(load(kind, folder))
    return {k: v.contiguous() for k, v in state(merged).items() if not torch.equal(v, before[k])}


class Pool(BaseModelPool):
    def load_model(self, name, *args, **kwargs):
        model = T5ForConditionalGeneration.from_pretrained(os.path.join(OUT, "t5", "base"))
        if name == "_pretrained_":
            return model
        return PeftModel.from_pretrained(model, os.path.join(OUT, "t5", name)).merge_and_unload()


def methods():
    pool = Pool(models={n: n for n in ("_pretrained_", "plain", "rslora", "patterns")})
    for name, method in (("average", SimpleAverageAlgorithm()),
                         ("arithmetic", TaskArithmeticAlgorithm(scaling_factor=0.3)),
                         ("ties", TiesMergingAlgorithm(scaling_factor=0.3, threshold=20,
                                                       remove_keys=[], merge_func="sum"))):
        save_file({k: v.contiguous() for k, v in state(method.run(pool)).items()},
                  os.path.join(OUT, "t5", f"methods-{name}.safetensors"))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    for kind, cases in CASES.items():
        folder = base(kind)
        for name, options in cases.items():
            changed = adapter(kind, name, options, folder)
            save_file(changed, os.path.join(OUT, kind, f"{name}.safetensors"))
            print(kind, name, len(changed))
    methods()


main()
