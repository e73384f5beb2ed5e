"""AdaMerging with the reference's own classes on small pools: tests/golden/adamerging/.

    python tools/golden/adamerging.py     (packages as in tests/oracle/requirements.txt)

cases.json holds for each case what the program is given (method and pool), and per step the loss
that the reference logs; weights.safetensors the learnt merging weights under the name of the case, merged.safetensors some
tensors of the models that they make.
min_norm.json holds products of random vectors and the weights of MinNormSolver for them.
The GPT-2 pool is the demo's, the T5 models are those of tests/seed/t5.

Four things differ from a run of the reference: examples come in the program's order (base/rng.h),
so that both see the same ones; modules stay in eval mode, where the reference leaves dropout on
while it adapts; GPT-2's padding token is the pool's own instead of 50256; and T5's embedding is put
into the model under one of its four names only. The reference gives all of them to functional_call,
where the last one, which still is the base's, wins, and where what is restored afterwards is the
merged one: the embedding then collects the task vectors of every step.
"""
import functools
import inspect
import json
import os
import pathlib
import subprocess
import sys
import textwrap

import merge  # noqa: F401  makes FusionBench importable without what it does not need here
import torch
from fusion_bench.method.adamerging import (flan_t5_layer_wise_adamerging as t5,
                                            gpt2_layer_wise_adamerging as gpt2)
from fusion_bench.method.adamerging.min_norm_solvers import MinNormSolver
from fusion_bench.models.wrappers.layer_wise_fusion import LayerWiseMergedModel
from peft import PeftModel
from safetensors.torch import save_file
from transformers import T5ForConditionalGeneration, T5TokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/adamerging"
SEED_T5 = ROOT / "tests/seed/t5"
sys.path.insert(0, str(ROOT / "tests/oracle"))
import reference  # noqa: E402

MASK = 2**64 - 1
PAD = {}


def bits(seed, counter):
    z = (seed + (counter + 1) * 0x9E3779B97F4A7C15) & MASK
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def shuffled(n, seed, epoch):
    """fb_rng_shuffle of base/rng.c."""
    stream, order = bits(bits(seed, epoch), n), list(range(n))
    for i in range(n - 1):
        j = i + (bits(stream, i) * (n - i) >> 64)
        order[i], order[j] = order[j], order[i]
    return order


def batches(items, size, seed):
    epoch = 0
    while True:
        order = shuffled(len(items), seed, epoch)
        for at in range(0, len(order), size):
            rows = [items[i] for i in order[at:at + size]]
            yield {key: torch.stack([r[key] for r in rows]) for key in ("input_ids", "attention_mask")}
        epoch += 1


class Fabric:
    device, is_global_zero = "cpu", True

    def __init__(self):
        self.losses = []

    def setup(self, module, optimizer):
        return module, optimizer

    def backward(self, loss, retain_graph):
        loss.backward(retain_graph=retain_graph)

    def log_dict(self, metrics, step):
        self.losses.append(metrics["train/loss"])


def adapted(algorithm):
    """The reference's class with the program's order of examples."""
    class Adapted(algorithm):
        fabric = property(lambda self: self.__dict__.setdefault("_here", Fabric()))
        is_debug_mode = False

        def get_shuffled_test_loader_iter(self, task):
            if task not in self.iterators:
                self.iterators[task] = batches(self.items[task], self.dataloader_kwargs["batch_size"],
                                               self.seed)
            return self.iterators[task]

        def test_time_adaptation(self, module):
            self.learnt = super().test_time_adaptation(module)
            return self.learnt

    return Adapted


class Gpt2(adapted(gpt2.GPT2LayerWiseAdaMergingAlgorithm)):
    source = textwrap.dedent(inspect.getsource(
        gpt2.GPT2LayerWiseAdaMergingAlgorithm.compute_logits))
    assert "pad_token_id = 50256" in source
    exec(source.replace("pad_token_id = 50256", "pad_token_id = PAD['id']"),
         {**vars(gpt2), "PAD": PAD}, locals())


T5 = adapted(t5.FlanT5LayerWiseAdaMergingAlgorithm)


class T5Pool:
    def __init__(self, models):
        self.folders = models
        self.model_names = [name for name in models if name != "_pretrained_"]

    def load_model(self, name, *args, **kwargs):
        folder = SEED_T5 / self.folders[name]
        if (folder / "adapter_config.json").exists():
            base = T5ForConditionalGeneration.from_pretrained(SEED_T5 / "base")
            return PeftModel.from_pretrained(base, folder).merge_and_unload()
        return T5ForConditionalGeneration.from_pretrained(folder)


def gpt2_items(pool_config):
    tokenizer = reference.local(pool_config["tokenizer"])
    PAD["id"] = reference.load_gpt2_tokenizer(tokenizer).pad_token_id
    names = [m["name"] for m in pool_config["models"] if m["name"] != "_pretrained_"]
    split = {"mnli": "validation_matched"}
    return {name: reference.tokenized(reference.local(pool_config["data_dir"]), tokenizer, name,
                                      split.get(name, "validation"), 64) for name in names}


def t5_items(models):
    tokenizer = T5TokenizerFast(tokenizer_file=str(SEED_T5 / "base/tokenizer.json"), extra_ids=0,
                                pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    items = {}
    for name in models:
        if name == "_pretrained_":
            continue
        task = name.removeprefix("glue-")
        split = "validation_matched" if task == "mnli" else "validation"
        path = SEED_T5 / "data/glue" / task / (split + ".jsonl")
        out = subprocess.run([ROOT / "build/release/fusion_bench", "dataset", path, "--task", task,
                              "--prompts"], check=True, capture_output=True, text=True)
        texts = [json.loads(line)["input_text"] for line in out.stdout.splitlines()]
        ids = tokenizer(texts, padding="max_length", truncation=True, max_length=512,
                        return_tensors="pt")
        items[name] = [{"input_ids": i, "attention_mask": m}
                       for i, m in zip(ids["input_ids"], ids["attention_mask"])]
    return items


def run(algorithm, pool, items, options, seed):
    options = dict(options)
    options["optimizer"] = {"_target_": "torch.optim.Adam", **options["optimizer"]}
    a = algorithm(**options)
    a.items, a.iterators, a.seed = items, {}, seed
    model = a.run(pool)
    return a.fabric.losses, a.learnt.merge_weight.detach(), model


GPT2 = dict(optimizer={"lr": 0.01}, dataloader_kwargs={"batch_size": 4}, init_values=0.3, max_steps=5,
            tie_weights=True)
FLAN = dict(GPT2, tie_weights=False)
FULL = {"_pretrained_": "base", "glue-cola": "expert_0", "glue-sst2": "expert_1",
        "glue-rte": "expert_0"}
LORA = {"_pretrained_": "base", "glue-cola": "lora_0", "glue-sst2": "lora_1"}
SOME = ["h.1.attn.c_proj.bias", "h.0.ln_2.weight", "encoder.final_layer_norm.weight",
        "decoder.block.1.layer.0.SelfAttention.q.weight"]
CASES = [
    ("gpt2", "layer_wise_gpt2", None, GPT2, 0),
    ("gpt2_clamped", "layer_wise_gpt2", None,
     dict(GPT2, clamp_weights=True, init_values=0.98, max_steps=4), 7),
    ("gpt2_mgda", "layer_wise_gpt2", None, dict(GPT2, variant="mgda"), 1),
    # 16 rows: the third epoch, with a last batch of one
    ("t5", "layer_wise_flan_t5", FULL, dict(FLAN, dataloader_kwargs={"batch_size": 5}, max_steps=10), 3),
    ("t5_mgda", "layer_wise_flan_t5", FULL, dict(FLAN, variant="mgda"), 0),
    ("t5_lora", "layer_wise_flan_t5", LORA, FLAN, 0),
]


def min_norm():
    torch.manual_seed(0)
    cases = []
    for n, length, shift in ((2, 5, 0), (2, 3, 5), (3, 4, 0), (3, 2, 1), (4, 9, 0.3), (5, 3, 0),
                             (7, 20, 0.2), (7, 4, 1), (8, 40, 0)):
        vectors = [torch.randn(length, dtype=torch.float64) + shift for _ in range(n)]
        solution, _ = MinNormSolver.find_min_norm_element(vectors) or (None, None)
        if solution is None:
            continue  # not converged
        stacked = torch.stack(vectors)
        cases.append({"dot": (stacked @ stacked.T).tolist(), "weights": [float(c) for c in solution]})
    return cases


def forward_model(self):
    names = [name for name, _ in self.pretrained_model.named_parameters()]
    return functools.partial(torch.func.functional_call, self.pretrained_model,
                             {name: self._merged_state_dict[name] for name in names},
                             tie_weights=self.tie_weights, strict=self.strict)


def main():
    LayerWiseMergedModel.forward_model = property(forward_model)
    LayerWiseMergedModel.train = lambda self, mode=True: self
    OUT.mkdir(parents=True, exist_ok=True)
    pool_config = reference.read(ROOT / "config/modelpool/gpt-2_demo.yaml")
    cases, weights, merged = [], {}, {}
    for name, method, models, options, seed in CASES:
        if models:
            algorithm, pool, items = T5, T5Pool(models), t5_items(models)
        else:
            algorithm, pool, items = Gpt2, reference.open_pool(pool_config), gpt2_items(pool_config)
        losses, weights[name], model = run(algorithm, pool, items, options, seed)
        for key, value in model.state_dict().items():
            if key in SOME:
                merged[f"{name}/{key}"] = value.contiguous()
        cases.append({"name": name, "method": {"name": method, **options}, "models": models,
                      "seed": seed, "losses": losses})
        print(name, losses, weights[name].min().item(), weights[name].max().item(), flush=True)
    with open(OUT / "cases.json", "w") as f:
        json.dump(cases, f, indent=1)
        f.write("\n")
    save_file(weights, OUT / "weights.safetensors")
    save_file(merged, OUT / "merged.safetensors")
    with open(OUT / "min_norm.json", "w") as f:
        json.dump(min_norm(), f)
        f.write("\n")


if __name__ == "__main__":
    main()
