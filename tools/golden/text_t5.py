"""A small unigram tokenizer and what T5TokenizerFast makes of texts with it.

    python tools/golden/text_t5.py        (packages as in tests/oracle/requirements.txt, sentencepiece)

Writes tests/golden/text/t5/spiece/ (spiece.model alone, as a folder that only slow tokenizers were saved
to), tests/golden/text/t5/json/ (tokenizer.json alone) and cases.jsonl: {"folder", "text", "ids",
"decoded", "plain"}; decoded with special tokens, plain without.
"""
import json
import os
import shutil
import tempfile

import sentencepiece
from transformers import T5TokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "..", "tests", "golden", "text", "t5")

# From, to, as hexadecimal code points: a small part of NFKC, white space, and what is dropped.
RULES = [("9", "20"), ("A", "20"), ("D", "20"), ("A0", "20"), ("3000", "20"), ("65 301", "E9"),
         ("FB01", "66 69"), ("2460", "31"), ("200B", "20"), ("AD", ""), ("FF41", "61"),
         ("304B 3099", "304C")]
TEXTS = ["", " ", "hello", " hello", "hello ", "  the   dog  ", "the\tdog\r\nbarks", "▁the dog", "a</s>b",
         "the </s> dog", "<extra_id_0> the", "the<pad>dog<unk>", "e\u0301tude", "caf\u0301e",
         "\ufb01sh \u2460", "a\u00adb", "日本 the", "the \U0001f600\U0001f600 dog", "\u200b", "x" * 40,
         "Does the dog, bark? No! It's the cat's .", "か\u3099", "<extra_id_3><extra_id_2>", "the▁▁dog",
         "\u00a9\u200d\u00a9", "\u3000the", "e\u0301\u0301", "The quick brown fox can't"]


def sentences():
    words = "the a dog cat bird tree house sees hears likes small large red old and not is was".split()
    state, out = 1, []
    for _ in range(600):
        n, line = 4 + state % 7, []
        for _ in range(n):
            state = (state * 1103515245 + 12345) % 2**31
            line.append(words[state // 65536 % len(words)])
        out.append(" ".join(line).capitalize() + ".")
    return out + ["It isn't the cat's, is it?"] * 20 + \
        [f"{a}.{b}" for a in range(6) for b in range(10)]


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    folders = {k: os.path.join(OUT, k) for k in ("spiece", "json")}
    for f in folders.values():
        os.makedirs(f)
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "rules.tsv"), "w") as f:
            f.writelines(f"{a}\t{b}\n" for a, b in RULES)
        with open(os.path.join(d, "text"), "w") as f:
            f.writelines(s + "\n" for s in sentences())
        sentencepiece.SentencePieceTrainer.train(
            input=os.path.join(d, "text"), model_prefix=os.path.join(d, "m"), vocab_size=120,
            normalization_rule_tsv=os.path.join(d, "rules.tsv"), pad_id=0, eos_id=1, unk_id=2,
            bos_id=-1, hard_vocab_limit=False, num_threads=1, minloglevel=2)
        shutil.copy(os.path.join(d, "m.model"), os.path.join(folders["spiece"], "spiece.model"))
    first = T5TokenizerFast(os.path.join(folders["spiece"], "spiece.model"))
    first.backend_tokenizer.save(os.path.join(folders["json"], "tokenizer.json"), pretty=False)
    with open(os.path.join(OUT, "cases.jsonl"), "w") as f:
        for name in folders:
            tokenizer = T5TokenizerFast(
                **({"vocab_file": os.path.join(folders[name], "spiece.model")} if name == "spiece"
                   else {"tokenizer_file": os.path.join(folders[name], "tokenizer.json")}))
            for text in TEXTS:
                ids = tokenizer(text)["input_ids"]
                case = {"folder": name, "text": text, "ids": ids,
                        "decoded": tokenizer.decode(ids, clean_up_tokenization_spaces=False),
                        "plain": tokenizer.decode(ids, skip_special_tokens=True,
                                                  clean_up_tokenization_spaces=False)}
                f.write(json.dumps(case) + "\n")


main()
