"""The SentencePiece unigram vocabulary of the demo's T5 models, in the files that transformers writes.

The trainer starts from a list of pieces instead of substrings: the words of the sentences, with and
without a space before them, and the words of the templates together with their punctuation, so that
the fixed text of a prompt costs few tokens. It learns the pieces' probabilities and drops what it
does not need. Pad, end and unknown are 0, 1 and 2 and the sentinels come last, as in T5's own
vocabulary; there are 16 of them (T5: 100).
"""

import collections
import io
import pathlib
import re
import tempfile

import sentencepiece
from transformers import T5Tokenizer

import prompts

SIZE = 512  # pieces without the sentinels; the trainer stops earlier when it has fewer to choose from
SENTINELS = 16
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # how SentencePiece writes a space


def seeds(texts, fixed):
    """Pieces to start from, and how often each occurs in the texts."""
    marked = [SPACE + text.replace(" ", SPACE) for text in texts]
    count = collections.Counter()
    for text in marked:
        count.update(re.findall(f"{SPACE}?[A-Za-z]+|[^A-Za-z]", text))
    for piece in fixed:
        count[piece] = max(1, sum(text.count(piece) for text in marked))
    return count


def learn(texts, fixed):
    """The model as bytes. No normalization: the demo's texts are plain ASCII."""
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.writelines(f"{piece}\t{n}\n" for piece, n in seeds(texts, fixed).most_common())
        file.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=model, seed_sentencepieces_file=file.name,
            model_type="unigram", vocab_size=SIZE, hard_vocab_limit=False, num_threads=1,
            normalization_rule_name="identity", character_coverage=1.0, split_by_unicode_script=False,
            split_by_number=False, max_sentencepiece_length=24, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, 
            minloglevel=2)
    return model.getvalue()


def train(folder, texts, fixed):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "spiece.model"
    path.write_bytes(learn(texts, fixed))
    tokenizer = T5Tokenizer(str(path), extra_ids=SENTINELS, legacy=True, model_max_length=512)
    tokenizer.save_pretrained(folder)
