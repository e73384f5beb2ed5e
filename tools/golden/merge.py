#!/usr/bin/env python3
"""Merges tiny pools with FusionBench's own classes: tests/golden/merge/.

    python tools/golden/merge.py          (from the root of the source tree)

cases.json holds the cases: a pool (as the program reads it, paths relative to the folder), a method
and its options. expected.safetensors holds the merged tensors, named "<case>/<key>"; models/ the
inputs. Needs the packages of tests/oracle/requirements.txt; what else FusionBench imports is
replaced by empty modules, since no merging class uses it.

Where the reference fails and the program does not, the expectation is made from the reference's own
parts: a threshold of 1 or 100 keeps everything (the reference asks for a 0-th smallest value), and
a key in remove_keys keeps the base's values (the reference then misses it on loading).
"""
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import shutil
import sys
import types


class Absent(types.ModuleType):
    """Stands for a package that is not installed: every attribute is an empty class."""
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__class_getitem__": classmethod(lambda cls, item: cls)})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Absent(spec.name)

    def exec_module(self, module):
        pass


ABSENT = {n for n in ("datasets", "lightning", "lightning_utilities", "bidict", "rich", "tensorboard",
                      "torchmetrics", "torchvision", "pandas", "pytorch_lightning")
          if n == "datasets" or importlib.util.find_spec(n) is None}
sys.meta_path.insert(0, Finder())

import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2ForSequenceClassification, GPT2Model

from fusion_bench.method import (DummyAlgorithm, SimpleAverageAlgorithm, TaskArithmeticAlgorithm,
                                 TiesMergingAlgorithm, WeightedAverageAlgorithm)
from fusion_bench.method.ties_merging import ties_merging_utils
from fusion_bench.modelpool import BaseModelPool

OUT = os.path.join("tests", "golden", "merge")
CLASSES = {c.__name__: c for c in (DummyAlgorithm, SimpleAverageAlgorithm, TaskArithmeticAlgorithm,
                                   TiesMergingAlgorithm, WeightedAverageAlgorithm)}

SHAPES = {"embed.weight": (11, 7), "block.0.w": (13, 9), "block.0.b": (9,), "block.10.w": (5, 3, 2),
          "block.2.w": (17,), "scale": (), "none": (0, 3)}
SMALL = {"w": (5, 4), "b": (3,)}


def random_model(seed, shapes, std=0.05, around=None, dtype=torch.float32):
    gen = torch.Generator().manual_seed(seed)
    out = {}
    for name, shape in shapes.items():
        x = torch.randn(shape, generator=gen) * std
        out[name] = ((around[name].float() if around else 0) + x).to(dtype)
    return out


def coarse_model(seed, shapes, base, lean):
    """base + multiples of 1/8 of few magnitudes: equal magnitudes and exact cancellation abound."""
    gen = torch.Generator().manual_seed(seed)
    out = {}
    for name, shape in shapes.items():
        step = torch.randint(-3, 4, shape, generator=gen) + lean
        out[name] = base[name] + step.float() / 8
    return out


def pool_plain():
    base = random_model(1, SHAPES, 0.5)
    models = {"_pretrained_": base}
    for i, n in enumerate(["a", "b", "c"]):
        models[n] = random_model(10 + i, SHAPES, 0.05, base)
    return models


def pool_coarse(lean):
    gen = torch.Generator().manual_seed(2)
    base = {n: torch.randint(-4, 5, s, generator=gen).float() / 4 for n, s in SHAPES.items()}
    for x in base.values():
        x[x == 0] = -0.0
    models = {"_pretrained_": base}
    for i, n in enumerate(["a", "b", "c", "d"]):
        models[n] = coarse_model(20 + i, SHAPES, base, lean if i % 2 else 0)
    return models


def pool_draw():
    """Two experts with opposite task vectors: every kept value cancels, no sign has a majority."""
    base = {n: torch.full(s, -0.0) for n, s in SMALL.items()}
    step = {n: (torch.arange(x.numel()).reshape(x.shape) - 7).float() / 4 for n, x in base.items()}
    return {"_pretrained_": base, "a": step, "b": {n: -x for n, x in step.items()}}


def pool_many(n):
    base = random_model(3, SMALL, 0.5)
    return {"_pretrained_": base} | {f"e{i}": random_model(100 + i, SMALL, 0.3, base) for i in range(n)}


def pool_mixed():
    base = random_model(4, SHAPES, 0.5, dtype=torch.bfloat16)
    return {"_pretrained_": base, "a": random_model(30, SHAPES, 0.05, base, torch.float16),
            "b": random_model(31, SHAPES, 0.05, base, torch.bfloat16),
            "c": random_model(32, SHAPES, 0.05, base, torch.float64)}


class Tree(torch.nn.Module):
    """A module whose state dict is the given one, in f32 as from_pretrained loads it."""

    def __init__(self, tensors):
        super().__init__()
        for name, x in tensors.items():
            *path, last = name.split(".")
            at = self
            for p in path:
                if not hasattr(at, p):
                    at.add_module(p, torch.nn.Module())
                at = getattr(at, p)
            at.register_parameter(last, torch.nn.Parameter(x.to(torch.float32, copy=True)))


def save_plain(pool, models):
    entries = []
    for name, tensors in models.items():
        path = f"models/{pool}/{name}.safetensors"
        os.makedirs(os.path.join(OUT, "models", pool), exist_ok=True)
        save_file({n: x.contiguous() for n, x in tensors.items()}, os.path.join(OUT, path))
        entries.append({"name": name, "path": path})
    return {"type": "AutoModelPool", "models": entries}


def save_gpt2():
    """A base without prefix or head, experts with both, one with the buffers of old versions."""
    config = GPT2Config(vocab_size=11, n_positions=8, n_embd=4, n_layer=2, n_head=2, pad_token_id=0)
    torch.manual_seed(5)
    base = GPT2Model(config).eval()
    models = {}

    def save(name, tensors):
        path = f"models/gpt2/{name}"
        os.makedirs(os.path.join(OUT, path), exist_ok=True)
        save_file({n: x.contiguous() for n, x in tensors.items()},
                  os.path.join(OUT, path, "model.safetensors"), metadata={"format": "pt"})
        config.save_pretrained(os.path.join(OUT, path))
        models[name] = {"_target_": "transformers.GPT2Model.from_pretrained",
                        "pretrained_model_name_or_path": path}

    save("_pretrained_", base.state_dict())
    for name in ["cola", "mnli"]:
        expert = GPT2ForSequenceClassification(config).eval()
        with torch.no_grad():
            for n, p in expert.transformer.named_parameters():
                p.copy_(base.state_dict()[n] + 0.02 * torch.randn(p.shape))
        tensors = dict(expert.state_dict())
        if name == "mnli":
            for i in range(2):
                tensors[f"transformer.h.{i}.attn.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.uint8)
                tensors[f"transformer.h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
        save(name, tensors)
    return {"_target_": "fusion_bench.modelpool.HuggingFaceGPT2ClassificationPool",
            "models": models}


def load(config):
    if "type" not in config:
        return {n: GPT2Model.from_pretrained(os.path.join(OUT, m["pretrained_model_name_or_path"]))
                for n, m in config["models"].items()}
    return {m["name"]: Tree(load_file(os.path.join(OUT, m["path"]))) for m in config["models"]}


keep_top = ties_merging_utils.topk_values_mask


def keep_top_or_all(M, K=0.7, return_mask=False):
    k = K / 100 if K > 1 else K
    if M.shape[1] == int(M.shape[1] * k):
        return M, None
    return keep_top(M, K, return_mask)


ties_merging_utils.topk_values_mask = keep_top_or_all


def run(config, method):
    models = load(config)
    options = {k: v for k, v in method.items() if k != "_target_"}
    removed = options.get("remove_keys", [])
    kept = {}
    for name, model in models.items() if removed else ():
        tensors = dict(model.state_dict())
        if name == "_pretrained_":
            kept = {n: tensors[n].clone() for n in removed if n in tensors}
        models[name] = Tree({n: x for n, x in tensors.items() if n not in removed})
    if removed:
        options["remove_keys"] = []
    algorithm = CLASSES[method["_target_"].split(".")[-1]](**options)
    merged = dict(algorithm.run(BaseModelPool(models=models)).state_dict())
    return {n: x.detach().contiguous() for n, x in (merged | kept).items()}


def methods(pool, experts):
    def target(name, **options):
        return {"_target_": f"fusion_bench.method.{name}"} | options

    yield target("SimpleAverageAlgorithm")
    yield target("WeightedAverageAlgorithm", normalize=True, weights=[0.1 + i for i in range(experts)])
    yield target("WeightedAverageAlgorithm", normalize=False,
                 weights=[(-0.7) ** i for i in range(experts)])
    for s in [0.3, -0.7] if pool != "plain" else [0, 0.1, 0.3, 1, 1.7, -0.5]:
        yield target("TaskArithmeticAlgorithm", scaling_factor=s)
    grid = {"plain": [0, 0.05, 0.5, 1, 20, 99.9, 100],
            "coarse_up": [0, 20, 50, 100], "coarse_down": [20, 50], "draw": [30, 100],
            "many17": [20, 100], "many33": [20], "mixed": [20, 0.7], "gpt2": [20]}[pool]
    for threshold in grid:
        for f in ["sum", "mean", "max"]:
            scale = -0.4 if pool == "draw" and f == "max" else 0.3
            yield target("TiesMergingAlgorithm", scaling_factor=scale, threshold=threshold,
                         remove_keys=[], merge_func=f)
    if pool == "plain":
        yield target("DummyAlgorithm")
        yield target("TiesMergingAlgorithm", scaling_factor=1, threshold=20, remove_keys=[],
                     merge_func="dis-mean")
        yield target("TiesMergingAlgorithm", scaling_factor=0.3, threshold=20,
                     remove_keys=["block.0.w", "scale"], merge_func="sum")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    torch.set_num_threads(1)
    pools = {"plain": pool_plain(), "coarse_up": pool_coarse(1), "coarse_down": pool_coarse(-1),
             "draw": pool_draw(), "many17": pool_many(17), "many33": pool_many(33),
             "mixed": pool_mixed()}
    configs = {name: save_plain(name, models) for name, models in pools.items()}
    configs["gpt2"] = save_gpt2()
    cases, expected = [], {}
    for pool, config in configs.items():
        experts = len(config["models"]) - 1
        for i, method in enumerate(methods(pool, experts)):
            name = f"{pool}_{i}"
            for key, x in run(config, method).items():
                expected[f"{name}/{key}"] = x
            cases.append({"name": name, "modelpool": pool, "method": method})
    save_file(expected, os.path.join(OUT, "expected.safetensors"))
    with open(os.path.join(OUT, "cases.json"), "w") as f:
        f.write('{"modelpools": ' + json.dumps(configs) + ',\n"cases": [\n')
        f.write(",\n".join(json.dumps(c) for c in cases) + "]}\n")
    print(f"{len(cases)} cases")


if __name__ == "__main__":
    main()
