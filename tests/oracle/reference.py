"""The whole job with the reference libraries: merge a GPT-2 or T5 pool, evaluate it on GLUE.

    python tests/oracle/reference.py --modelpool config/modelpool/gpt-2_demo.yaml \\
        --taskpool config/taskpool/gpt-2_demo.yaml \\
        --method '{name: task_arithmetic, scaling_factor: 0.4}' --report report.json

Merging is FusionBench's own classes, evaluation is its GPT2TextClassificationTaskPool (its loop,
its metrics, its tokenizer functions), or for T5 its FlanT5GLUETextGenerationTaskPool
(reference_t5.py). Replaced are only the places where it goes to the hub: the data comes from
the files in `data_dir`, models and tokenizer from local folders.
"""

import argparse
import functools
import importlib
import json
import os
import pathlib

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import omegaconf
import torch
import transformers
from safetensors.torch import save_file

import reference_t5
from fusion_bench.dataset import gpt2_glue
from fusion_bench.modelpool.huggingface_gpt2_classification import (
    GPT2ForSequenceClassificationPool, load_gpt2_tokenizer)
from fusion_bench.taskpool.gpt2_text_classification import GPT2TextClassificationTaskPool

ROOT = pathlib.Path(__file__).resolve().parents[2]
METHODS = {
    "dummy": ("fusion_bench.method.dummy", "DummyAlgorithm", {}),
    "simple_average": ("fusion_bench.method.simple_average", "SimpleAverageAlgorithm", {}),
    "weighted_average": ("fusion_bench.method.weighted_average.weighted_average",
                         "WeightedAverageAlgorithm", {"normalize": True, "weights": [0.5, 0.5]}),
    "task_arithmetic": ("fusion_bench.method.task_arithmetic.task_arithmetic",
                        "TaskArithmeticAlgorithm", {"scaling_factor": 0.3}),
    "ties_merging": ("fusion_bench.method.ties_merging.ties_merging", "TiesMergingAlgorithm",
                     {"scaling_factor": 0.3, "threshold": 20, "remove_keys": [],
                      "merge_func": "sum"}),
    "simple_ensemble": ("fusion_bench.method.ensemble", "SimpleEnsembleAlgorithm", {}),
    "weighted_ensemble": ("fusion_bench.method.ensemble", "WeightedEnsembleAlgorithm", {}),
    "max_model_predictor": ("fusion_bench.method.ensemble", "MaxModelPredictorAlgorithm", {}),
}


def local(path):
    """A path as the configuration names it: `embedded:` files are those of the repository."""
    prefix = "embedded:"
    return str(ROOT / path[len(prefix):]) if path.startswith(prefix) else path


def open_pool(config, paths=None):
    """The pool of a list-layout configuration; `paths` replaces the paths of models by name."""
    models = {m["name"]: local((paths or {}).get(m["name"], m["path"])) for m in config["models"]}
    if config["type"] in reference_t5.POOLS:
        return reference_t5.open_pool(models, reference_t5.POOLS[config["type"]])
    loaders = {name: {"_target_": "transformers.GPT2Model.from_pretrained",
                      "pretrained_model_name_or_path": path} for name, path in models.items()}
    tokenizer = {"_target_": "fusion_bench.modelpool.huggingface_gpt2_classification."
                             "load_gpt2_tokenizer",
                 "pretrained_model_name_or_path": local(config["tokenizer"])}
    return GPT2ForSequenceClassificationPool(
        models=omegaconf.OmegaConf.create(loaders),
        tokenizer=omegaconf.OmegaConf.create(tokenizer))


def merge(pool, method):
    """The merged backbone (GPT2Model) or T5 model by FusionBench's class for the method."""
    options = dict(method)
    module, name, defaults = METHODS[options.pop("name")]
    algorithm = getattr(importlib.import_module(module), name)(**{**defaults, **options})
    return algorithm.run(pool)


@functools.cache
def tokenized(folder, tokenizer_folder, task, split, pad):
    """A split as the list of items that FusionBench's data loader collates, padded to `pad`."""
    columns = reference_t5.read_split(folder, task, split)
    function = {"sst2": "cola", "rte": "mrpc"}.get(task, task) + "_tokenize_function"
    tokenizer = load_gpt2_tokenizer(tokenizer_folder)
    tokenizer.model_max_length = pad
    ids = getattr(gpt2_glue, function)(columns, tokenizer)
    if pad < 512 and ids["attention_mask"][:, -1].any():
        raise ValueError(f"{task}: a text reaches {pad} tokens and may have been cut")
    return [{"input_ids": i, "attention_mask": m, "label": label}
            for i, m, label in zip(ids["input_ids"], ids["attention_mask"], columns["label"])]


class _Fabric:
    def setup(self, model):
        return model

    def setup_dataloaders(self, loader):
        return loader


class TaskPool(GPT2TextClassificationTaskPool):
    """FusionBench's task pool over local files. Keeps the logits of every example."""

    def __init__(self, config, pool, fast_dev_run=False, pad=512):
        self._config = config
        self._pool = pool
        self._fast = fast_dev_run
        self._pad = pad
        self._test_datasets = {t["name"]: t["dataset"] for t in config["tasks"]}
        self.logits = {}

    fabric = property(lambda self: _Fabric())
    config = property(lambda self: {"fast_dev_run": self._fast})

    def get_test_dataloader(self, task):
        data = self._test_datasets[task]
        items = tokenized(local(self._config["data_dir"]), local(self._config["tokenizer"]),
                          data["name"], data["split"], self._pad)
        return torch.utils.data.DataLoader(items, batch_size=self._config["batch_size"],
                                           collate_fn=transformers.default_data_collator)

    def get_classifier(self, task, model):
        classifier = self._pool.load_classifier(task)
        classifier.transformer = model
        rows = self.logits.setdefault(task, [])
        classifier.register_forward_hook(lambda _m, _i, out: rows.append(out.logits.clone()))
        return classifier

    def evaluate(self, model):
        self.logits = {}
        report = super().evaluate(model)
        self.logits = {task: torch.cat(rows) for task, rows in self.logits.items()}
        return report


def open_tasks(config, pool, fast_dev_run=False, pad=512):
    """The task pool of a configuration, for the models of `pool`."""
    if config["type"] == "FlanT5GLUETextGenerationTaskPool":
        return reference_t5.TaskPool(config, local(config["data_dir"]), local(config["tokenizer"]), pad)
    return TaskPool(config, pool, fast_dev_run, pad)


def read(path):
    """A configuration file on its own: interpolations stay as they are written."""
    return omegaconf.OmegaConf.to_container(omegaconf.OmegaConf.load(path), resolve=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modelpool", default=str(ROOT / "config/modelpool/gpt-2_demo.yaml"))
    parser.add_argument("--taskpool", default=str(ROOT / "config/taskpool/gpt-2_demo.yaml"))
    parser.add_argument("--method", default="{name: dummy}", help="options as a YAML mapping")
    parser.add_argument("--path", action="append", default=[], metavar="NAME=FOLDER",
                        help="take a model of the pool from elsewhere")
    parser.add_argument("--fast-dev-run", action="store_true", help="one batch per task")
    parser.add_argument("--pad", type=int, default=512,
                        help="FusionBench pads to 512; padding is masked or behind the text, so less "
                             "gives the same up to rounding, as long as nothing is cut")
    parser.add_argument("--report", help="where the report goes (JSON)")
    parser.add_argument("--logits", help="where a classifier's logits go (safetensors, one tensor per task)")
    parser.add_argument("--merged", help="where the merged backbone goes (safetensors)")
    args = parser.parse_args()
    pool = open_pool(read(args.modelpool), dict(p.split("=", 1) for p in args.path))
    model = merge(pool, omegaconf.OmegaConf.to_container(omegaconf.OmegaConf.create(args.method)))
    if args.merged:
        save_file({k: v.clone() for k, v in model.state_dict().items()}, args.merged)
    tasks = open_tasks(read(args.taskpool), pool, args.fast_dev_run, args.pad)
    if args.logits and isinstance(tasks, reference_t5.TaskPool):
        parser.error("--logits: a generated text has none")
    report = tasks.evaluate(model)
    print(json.dumps(report))
    if args.report:
        with open(args.report, "w", encoding="utf-8") as file:
            json.dump(report, file)
    if args.logits:
        save_file(tasks.logits, args.logits)


if __name__ == "__main__":
    main()
