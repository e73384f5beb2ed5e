#!/usr/bin/env python3
"""Golden data of the tokenizer tests: tests/golden/text/.

Trains a small byte-level BPE vocabulary on the text below, makes odd folders around it, and records
what the slow GPT2Tokenizer of transformers does with strings in each. Strings that are too many to
store come from a generator that tests/unit/text/golden.h repeats; of those there are digests.

usage: text.py [FOLDER_OF_GPT2_TOKENIZER FOLDER_OF_GLUE]
With the two folders, digests over real GLUE text are made too (needs pyarrow).
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile
import unicodedata
import warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
warnings.filterwarnings("ignore")

import regex  # noqa: E402
from tokenizers import ByteLevelBPETokenizer  # noqa: E402
from transformers import GPT2Tokenizer  # noqa: E402
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode  # noqa: E402

OUT = pathlib.Path(__file__).parent.parent.parent / "tests" / "golden" / "text"
END = "<|endoftext|>"
BLOCK, BLOCKS = 500, 24

CORPUS = [
    "The merged model beats every single expert on the average of all tasks.",
    "A tokenizer that isn't exact doesn't fail loudly; it's the scores that drop.",
    "She said: 'we've read 1,024 lines, they'll read 2,048, and you're reading 4,096.'",
    "Führer, naïve café, crème brûlée, Ångström, señor, façade, smörgåsbord.",
    "The expert of the first task and the expert of the second task share a base.",
    "What is the weight of a task vector? It is the difference of two models.",
    "日本語のテキスト、中文文本、한국어 텍스트, русский текст, ελληνικό κείμενο.",
    "There are ½ and ٣ and Ⅷ, there is 😀 and 👩‍👩‍👧, there are tabs\tand\nlines.",
] * 3

POOL = [
    " ", "  ", "   ", "\t", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\xa0", "\u1680",
    "\u180e", "\u2003", "\u2028", "\u200b", "\u202f", "\u3000", "\ufeff", "'", "''", "'s", "'S",
    "'t", "'re", "'ve", "'m", "'ll", "'d", "'l", "\u2019s", "a", "the", " the", "The", "task",
    "model", " of", "expert", "0", "7", "42", "½", "٣", "Ⅷ", "①", "é", "e\u0301", "ß", "ǅ", "ʰ", "ª",
    "日", "本語", "가", "ก", "ि", "😀", "👩\u200d👩", "\u0007", "\x00", "\x7f", "\ufffd", "\U0010ffff",
    "𠀀", "𝟘", "$", "...", "…", "_", "-", "—", "^", "<", "<|endo", "|>", END,
]
BROKEN = ["80", "bf", "c0", "c328", "e282", "e28228", "eda080", "f0", "f09f", "f09f98", "f0288cbc",
          "f4908080", "f8", "ff", "fe", "e0809f", "c1bf"]


class Random:
    """The generator that the C test repeats."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit


def made_text(r, pool):
    out = b""
    for _ in range(r.below(16)):
        if r.below(4):
            out += pool[r.below(len(pool))]
        else:
            point = r.below(0x110000)
            out += chr(point).encode() if not 0xD800 <= point < 0xE000 else b"\xed\xa0\x80"
    return out


class Digest:
    """FNV-1a, 64 bit, over little-endian 32-bit integers."""

    def __init__(self):
        self.value = 1469598103934665603

    def add(self, numbers):
        for n in numbers:
            for byte in int(n).to_bytes(4, "little", signed=True):
                self.value = (self.value ^ byte) * 1099511628211 % 2**64

    def text(self):
        return f"{self.value:016x}"


def pool_bytes():
    categories = {}
    for point in list(range(0x3000)) + list(range(0x1F000, 0x1F800)):
        if not 0xD800 <= point < 0xE000:
            categories.setdefault(unicodedata.category(chr(point)), chr(point))
    texts = [t.encode() for t in POOL + sorted(categories.values())]
    return texts + [bytes.fromhex(h) for h in BROKEN]


def decode_bytes(data):
    return data.decode("utf-8", "replace")


def digests(tok, pool, out):
    words = regex.compile(tok.pat.pattern)
    for block in range(BLOCKS):
        r, ids, splits = Random(block), Digest(), Digest()
        for _ in range(BLOCK):
            text = decode_bytes(made_text(r, pool))
            ids.add(tok(text)["input_ids"] + [-1])
            splits.add([len(w.encode()) for w in words.findall(text)] + [-1])
        out.write(f"ids {block} {ids.text()}\nwords {block} {splits.text()}\n")
    r, pairs = Random(1000), Digest()
    for i in range(1500):
        a, b = decode_bytes(made_text(r, pool)), decode_bytes(made_text(r, pool))
        length = 1 + r.below(40)
        pairs.add(tok(a, b, truncation="longest_first", max_length=length)["input_ids"] + [-1])
    out.write(f"pairs 1000 {pairs.text()}\n")
    classes = Digest()
    kinds = [regex.compile(p) for p in (r"\p{L}", r"\p{N}", r"\s")]
    for point in range(0x110000):
        match = [i + 1 for i, k in enumerate(kinds) if k.match(chr(point))]
        classes.add([match[0] if match else 0])
    out.write(f"classes 0 {classes.text()}\n")
    blank = Digest()
    blank.add([p for p in range(0x110000) if chr(p).isspace()])
    out.write(f"blank 0 {blank.text()}\n")
    r, decoded = Random(2000), Digest()
    for _ in range(1500):
        ids = [r.below(tok.vocab_size) for _ in range(r.below(12))]
        decoded.add(list(tok.decode(ids).encode()) + [-1])
    out.write(f"decoded 2000 {decoded.text()}\n")


def train(folder):
    tok = ByteLevelBPETokenizer()
    tok.train_from_iterator(CORPUS, vocab_size=400, min_frequency=2, special_tokens=[END],
                            show_progress=False)
    tok.save_model(str(folder))
    # The reference drops the last line, whatever it holds: it must be empty.
    assert (folder / "merges.txt").read_text(encoding="utf-8").endswith("\n")
    tok.save(str(folder / "tokenizer.json"))


def token(content, **flags):
    base = {"content": content, "lstrip": False, "rstrip": False, "single_word": False,
            "normalized": False, "special": False}
    return {**base, **flags}


def special(content, **flags):
    return {"__type": "AddedToken", **token(content, **flags)}


STRINGS = ["", " ", "the task", " the  task ", "a <x> b", "a<x>b", "<x>", " <x> ", "x <y> <y> z",
           "aabdab", "zabd ab d", f"the{END}task", f" {END} ", "it's . ok , isn't it ?", "日本 <é> 語",
           "日本<é>語", "\u00a0<x>\u2003the", "[PAD] the [SEP]", "new token here", "newtoken", "q'q 've",
           "the\n\n<x>\n the", "<x><y><x>", "a b a b", "abab", "ababa", "bababab", "a 's b"]

# name: files beside vocab.json and merges.txt
FOLDERS = {
    "prefix": {"tokenizer_config.json": {"add_prefix_space": True, "tokenizer_class": "GPT2Tokenizer",
                                         "clean_up_tokenization_spaces": True,
                                         "model_max_length": int(1e30)}},
    "bos": {"tokenizer_config.json": {"add_bos_token": True}},
    "left": {"tokenizer_config.json": {"truncation_side": "left", "add_bos_token": False}},
    "flags": {"tokenizer_config.json": {"added_tokens_decoder": {
        "500": token("<x>", lstrip=True), "501": token("<y>", rstrip=True),
        "502": token("<é>", lstrip=True, rstrip=True), "503": token("new", single_word=True),
        "504": token("abd"), "505": token("b"), "7": token("q"), "507": token("<x><y>", special=True)},
        "pad_token": "q", "sep_token": "<x>"}},
    "legacy": {"added_tokens.json": {"<x>": 400, "<y>": 401, "new": 410},
               "special_tokens_map.json": {"pad_token": "[PAD]", "sep_token": token("[SEP]", rstrip=True),
                                           "additional_special_tokens": ["<y>", token("<é>")]},
               "tokenizer_config.json": {"unk_token": special("<unk>")}},
    "fast": {"tokenizer.json": {"added_tokens": [{"id": 0, **token(END, special=True, lstrip=True)},
                                                 {"id": 399, **token("<x>", special=True)},
                                                 {"id": 600, **token("the")}]},
             "tokenizer_config.json": {"bos_token": END}},
    "split": {"tokenizer_config.json": {"split_special_tokens": True}},
}
MERGES = {
    # Ranks that no training gives, a repeated merge, lines that join nothing, other line ends.
    "odd": "#version\r\nab a\r\na b\nĠ t\rb a\na b\nx\nx y z\n\nĠt h\nĠth e\n b  b \nte sk\nl o s t",
}


def cases(tok, strings):
    for i, text in enumerate(strings):
        # Half of the rows are pairs, cut to different lengths.
        pair = strings[(i * 7 + 3) % len(strings)] if i % 2 else None
        length = (i * 5) % 11 + 2 if i % 3 else 0
        kwargs = {"truncation": "longest_first", "max_length": length} if length else {}
        ids = tok(text, pair, **kwargs)["input_ids"]
        if None in ids:
            continue
        yield {"text": text, "pair": pair, "max_length": length, "ids": ids,
               "decoded": tok.decode(ids), "skipped": tok.decode(ids, skip_special_tokens=True)}


def write_cases(folder, name, strings):
    tok = GPT2Tokenizer.from_pretrained(str(folder))
    with open(OUT / name / "cases.jsonl", "w", encoding="utf-8") as out:
        for case in cases(tok, strings):
            out.write(json.dumps(case, ensure_ascii=False) + "\n")


def write_folder(name, files):
    (OUT / name).mkdir(parents=True)
    for file, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        (OUT / name / file).write_text(text, encoding="utf-8", newline="")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for file in ("vocab.json", "merges.txt"):
            shutil.copy(OUT / "small" / file, folder / file)
        for path in (OUT / name).iterdir():
            shutil.copy(path, folder / path.name)
        write_cases(folder, name, STRINGS)


def holes():
    """A vocabulary that lacks pieces, repeats an id and leaves holes."""
    vocab = {c: 3 * i for i, c in enumerate(list(bytes_to_unicode().values())[:120])}
    vocab.update({END: 1000, "Ġt": 7, "th": 7, "he": 12})
    return {"vocab.json": vocab, "merges.txt": "#\nt h\nh e\nĠ t\n"}


def glue(gpt2, folder):
    import pyarrow.parquet as parquet
    tok = GPT2Tokenizer.from_pretrained(gpt2)
    with open(OUT / "glue.txt", "w", encoding="utf-8") as out:
        for task, columns in (("cola", ["sentence"]), ("mrpc", ["sentence1", "sentence2"]),
                              ("rte", ["sentence1", "sentence2"])):
            table = parquet.read_table(
                pathlib.Path(folder) / task / "validation-00000-of-00001.parquet").to_pydict()
            digest = Digest()
            for row in zip(*(table[c] for c in columns)):
                ids = tok(*row, truncation="longest_first", max_length=64)["input_ids"]
                digest.add(ids + [-1])
            out.write(f"{task} {len(table[columns[0]])} {digest.text()}\n")


def main():
    kept = (OUT / "glue.txt").read_text() if (OUT / "glue.txt").exists() else None
    shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "small").mkdir(parents=True)
    train(OUT / "small")
    pool = pool_bytes()
    with open(OUT / "pool.txt", "w", encoding="utf-8") as out:
        out.writelines(text.hex() + "\n" for text in pool)
    tok = GPT2Tokenizer.from_pretrained(str(OUT / "small"))
    with open(OUT / "digests.txt", "w", encoding="utf-8") as out:
        digests(tok, pool, out)
    write_cases(OUT / "small", "small", STRINGS + CORPUS[:8])
    for name, files in FOLDERS.items():
        write_folder(name, files)
    for name, merges in MERGES.items():
        write_folder(name, {"merges.txt": merges})
    write_folder("holes", holes())
    if len(sys.argv) == 3:
        glue(*sys.argv[1:])
    elif kept:
        (OUT / "glue.txt").write_text(kept)


if __name__ == "__main__":
    main()
