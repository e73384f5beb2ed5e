"""What `fusion_bench train` leaves, opened by transformers and PEFT.

    python tests/oracle/check_train.py build/release/fusion_bench

Trains a whole GPT-2 classifier, a LoRA classifier, a language model from random weights, a whole T5
and a LoRA T5 on the data that is part of the source tree, opens each with the Python libraries, and
compares the score that the program reports with the score that they compute.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import pandas
import peft
import torch
from transformers import (AutoTokenizer, GPT2ForSequenceClassification, GPT2LMHeadModel,
                          GPT2Tokenizer, T5ForConditionalGeneration)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEMO, SEED = ROOT / "demo", ROOT / "tests/seed/t5"
SST2 = DEMO / "data/sst2"
GPT2 = ["--model", DEMO / "gpt2/_pretrained_", "--tokenizer", DEMO / "gpt2/tokenizer"]
ROWS = SEED / "data/glue/sst2/validation.jsonl"
T5 = ["--model", SEED / "base", "--task", "sst2", "--train-file", ROWS, "--eval-file", ROWS]


def train(binary, output, *arguments):
    """Runs the program; the last evaluation of trainer_state.json."""
    command = [binary, "train", "--output-dir", output, *arguments]
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
    state = json.loads((output / "last/trainer_state.json").read_text())
    return [entry for entry in state["log_history"] if "eval_loss" in entry][-1]


def classify(model, tokenizer):
    rows = pandas.read_csv(SST2 / "validation.tsv", sep="\t", quoting=3)
    right = loss = 0.0
    with torch.no_grad():
        for text, label in zip(rows["sentence"], rows["label"]):
            out = model(torch.tensor([tokenizer(text)["input_ids"]]), labels=torch.tensor([label]))
            right += float(out.logits.argmax() == label)
            loss += float(out.loss)
    return {"eval_accuracy": right / len(rows), "eval_loss": loss / len(rows)}


def tell(model, tokenizer, texts):
    labels = right = loss = 0.0
    with torch.no_grad():
        for text in texts:
            ids = torch.tensor([tokenizer(text)["input_ids"] + [tokenizer.eos_token_id]])
            out = model(ids, labels=ids)
            labels += ids.shape[1] - 1
            loss += float(out.loss) * (ids.shape[1] - 1)
            right += int((out.logits[0, :-1].argmax(-1) == ids[0, 1:]).sum())
    return {"eval_accuracy": right / labels, "eval_loss": loss / labels}


def answer(model, tokenizer, rows):
    right = labels = loss = 0.0
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor([tokenizer(row["input_text"])["input_ids"]])
            want = tokenizer(row["target_text"])["input_ids"]
            out = model(input_ids=ids, labels=torch.tensor([want]))
            loss += float(out.loss) * len(want)
            labels += len(want)
            got = model.generate(input_ids=ids, max_length=len(want) + 1, num_beams=1, do_sample=False)
            right += got[0].tolist()[1:] == want
    return {"eval_exact_match": right / len(rows), "eval_loss": loss / labels}


def compare(name, reported, computed):
    for key, value in computed.items():
        difference = abs(reported[key] - value)
        limit = 1e-5 if key == "eval_loss" else 1e-12
        print(f"{name:12} {key:16} {reported[key]:.9f} {value:.9f} {'ok' if difference <= limit else 'DIFFERS'}")
        if difference > limit:
            sys.exit(1)


def main():
    binary, tokenizer = pathlib.Path(sys.argv[1]).resolve(), GPT2Tokenizer.from_pretrained(DEMO / "gpt2/tokenizer")
    task = ["--task", "sst2", "--data-dir", DEMO / "data", "--learning-rate", "1e-3", "--epochs", "2"]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        reported = train(binary, out / "whole", *GPT2, *task)
        compare("GPT-2", reported, classify(GPT2ForSequenceClassification.from_pretrained(out / "whole/last").eval(), tokenizer))
        reported = train(binary, out / "lora", *GPT2, *task, "--lora-r", "4", "--target-modules", "c_attn,mlp.c_proj")
        model = GPT2ForSequenceClassification.from_pretrained(DEMO / "gpt2/_pretrained_", num_labels=2, pad_token_id=559)
        compare("GPT-2 LoRA", reported, classify(peft.PeftModel.from_pretrained(model, out / "lora/last").eval(), tokenizer))

        texts = list(pandas.read_csv(SST2 / "train.tsv", sep="\t", quoting=3)["sentence"][:64])
        (out / "texts.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
        (out / "config.json").write_text(json.dumps(dict(
            model_type="gpt2", n_layer=2, n_embd=32, n_head=2, n_positions=64, vocab_size=560,
            bos_token_id=559, eos_token_id=559)))
        reported = train(binary, out / "language", "--config", out / "config.json", *GPT2[2:], "--train-file", out / "texts.jsonl",
                         "--eval-file", out / "texts.jsonl", "--objective", "language-model", "--learning-rate", "1e-2")
        compare("language", reported, tell(GPT2LMHeadModel.from_pretrained(out / "language/last").eval(), tokenizer, texts))

        lines = subprocess.run([binary, "dataset", ROWS, "--task", "sst2", "--prompts"], check=True, stdout=subprocess.PIPE).stdout
        rows = [json.loads(line) for line in lines.decode().splitlines()]
        tokenizer = AutoTokenizer.from_pretrained(SEED / "base")
        reported = train(binary, out / "t5", *T5, "--learning-rate", "1e-3")
        compare("T5", reported, answer(T5ForConditionalGeneration.from_pretrained(out / "t5/last").eval(), tokenizer, rows))
        reported = train(binary, out / "t5-lora", *T5, "--learning-rate", "1e-2", "--lora-r", "4", "--lora-dropout", "0.1")
        model = T5ForConditionalGeneration.from_pretrained(SEED / "base")
        compare("T5 LoRA", reported, answer(peft.PeftModel.from_pretrained(model, out / "t5-lora/last").eval(), tokenizer, rows))


if __name__ == "__main__":
    main()
