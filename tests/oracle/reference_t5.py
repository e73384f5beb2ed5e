"""The parts of reference.py for T5: pools of whole models or adapters, and text generation on GLUE.

Models are opened as FusionBench's Seq2SeqLMPool opens them, an adapter by its load_lora_model (PEFT's
merge_and_unload); prompts, generation and metrics are those of its FlanT5GLUETextGenerationTaskPool.
"""

import functools
import glob

import omegaconf
import pyarrow.parquet
from fusion_bench.compat.taskpool.flan_t5_glue_text_generation import (
    FlanT5GLUETextGenerationTaskPool)
from fusion_bench.modelpool.seq2seq_lm.modelpool import Seq2SeqLMPool
from fusion_bench.tasks.flan_t5_text_generation.glue_preprocessors import glue_processors
from fusion_bench.tasks.flan_t5_text_generation.glue_prompt_templates import glue_prompt_templates
from transformers import AutoTokenizer

POOLS = {"AutoModelForSeq2SeqLMPool": False, "PeftModelForSeq2SeqLMPool": True}
BASE = "_pretrained_"


def open_pool(paths, adapters):
    """The pool of models given as {name: folder}; all but the base are adapters of it, or none is."""
    def loader(name, path):
        if adapters and name != BASE:
            return {"_target_": "fusion_bench.modelpool.seq2seq_lm.modelpool.load_lora_model",
                    "base_model_path": paths[BASE], "peft_model_path": path}
        return {"_target_": "transformers.AutoModelForSeq2SeqLM.from_pretrained",
                "pretrained_model_name_or_path": path}
    models = omegaconf.OmegaConf.create({name: loader(name, path) for name, path in paths.items()})
    return Seq2SeqLMPool(models, tokenizer=None)


def read_split(folder, task, split):
    """The columns of a split: parquet files as published, or the tab-separated file of the demo."""
    files = sorted(glob.glob(f"{folder}/{task}/{split}-*.parquet")
                   or glob.glob(f"{folder}/glue/{task}/{split}-*.parquet"))
    if files:
        return pyarrow.concat_tables([pyarrow.parquet.read_table(f) for f in files]).to_pydict()
    with open(f"{folder}/{task}/{split}.tsv", encoding="utf-8") as file:
        names, *rows = [line.rstrip("\n").split("\t") for line in file]
    columns = dict(zip(names, map(list, zip(*rows))))
    number = float if task == "stsb" else int
    return {**columns, "label": [number(label) for label in columns["label"]]}


@functools.cache
def encoded(folder, tokenizer_folder, task, split, pad):
    """A split as the list of items that FusionBench's data loader collates, padded to `pad`."""
    columns = read_split(folder, task, split)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokenizer.model_max_length = pad
    options = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
    items = glue_processors[task](template=glue_prompt_templates[task], tokenizer=tokenizer,
                                  tokenizer_kwargs=options)(columns)
    if pad < 512 and items["attention_mask"][:, -1].any():
        raise ValueError(f"{task}: a prompt reaches {pad} tokens and may have been cut")
    return [{"input_ids": x, "labels": y} for x, y in zip(items["input_ids"], items["labels"])]


class _Fabric:
    def setup(self, model):
        return model

    def setup_dataloaders(self, loader):
        return loader


class TaskPool(FlanT5GLUETextGenerationTaskPool):
    """FusionBench's task pool over local files."""

    fabric = property(lambda self: _Fabric())

    def __init__(self, config, data, tokenizer, pad=512):
        super().__init__(omegaconf.OmegaConf.create(dict(config, tokenizer=tokenizer)))
        self._data = data
        self._pad = pad

    def load_task(self, task_name_or_config):
        task = super().load_task(task_name_or_config)
        source = task.config.dataset
        task.dataset = {source.split: encoded(self._data, self.config.tokenizer, source.name,
                                              source.split, self._pad)}
        return task
