"""The byte-level BPE vocabulary of the demo models, in the files that GPT2Tokenizer writes."""

import json
import pathlib

from tokenizers import ByteLevelBPETokenizer

END = "<|endoftext|>"
SIZE = 560


def train(folder, texts):
    """Learns SIZE - 1 tokens from the texts; the end token comes last, as in GPT-2's vocabulary."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=SIZE - 1, min_frequency=2, show_progress=False)
    bpe.save_model(str(folder))
    path = folder / "vocab.json"
    vocab = json.loads(path.read_text(encoding="utf-8"))
    vocab[END] = len(vocab)
    path.write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
    special = {name: END for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
    end = {"content": END, "lstrip": False, "normalized": False, "rstrip": False,
           "single_word": False, "special": True}
    config = {"add_bos_token": False, "add_prefix_space": False,
              "added_tokens_decoder": {str(vocab[END]): end},
              "clean_up_tokenization_spaces": True, "errors": "replace",
              "model_max_length": 512, "tokenizer_class": "GPT2Tokenizer", **special}
    for name, value in (("tokenizer_config", config), ("special_tokens_map", special)):
        text = json.dumps(value, indent=2, sort_keys=True) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
