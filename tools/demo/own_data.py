"""The files of examples/own-data: small tasks with columns, labels and formats of their own.

    python tools/demo/own_data.py examples/own-data

Python's standard library only.
"""
import csv
import json
import pathlib
import sys

import sentences

TRAIN, TEST = 384, 128


def splits(task):
    test = sentences.rows(task, "own test", TEST)
    taken = {tuple(r[c] for c in sentences.COLUMNS[task]) for r in test}
    return {"train": sentences.rows(task, "own train", TRAIN, taken), "test": test}


def main():
    folder = pathlib.Path(sys.argv[1])
    for split, rows in splits("sst2").items():
        with open(folder / f"reviews-{split}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["review", "mood"])
            writer.writerows((r["sentence"].strip(), ["bad", "good"][r["label"]]) for r in rows)
    for split, rows in splits("cola").items():
        with open(folder / f"grammar-{split}.tsv", "w") as file:
            file.write("id\tsentence\tverdict\n")
            file.writelines(f"{r['idx']}\t{r['sentence']}\t{['wrong', 'fine'][r['label']]}\n" for r in rows)
    for split, rows in splits("qnli").items():
        with open(folder / f"answers-{split}.jsonl", "w") as file:
            file.writelines(json.dumps({"question": r["question"], "reply": r["sentence"],
                                        "off_topic": r["label"]}) + "\n" for r in rows)


if __name__ == "__main__":
    main()
