#!/bin/sh
# make_cache.sh FOLDER - a Hugging Face cache and GLUE data that the seed's commands run against.
#
# FOLDER/hf/hub holds models--gpt2 and models--tanganke--gpt2_<task> for the seven tasks, each with
# refs/main, blobs/ and snapshots/<commit>/ of symbolic links, as the hub client lays them out;
# FOLDER/data/glue/<task>/ holds the validation and training splits. All of it comes from demo/ and
# tests/seed/glue: the names are real, the models and sentences are the demo's. Tasks that the demo
# has no expert for get the one of qnli, which has two labels and reads pairs as they do.
#
# Prints the two settings to run with:
#   HF_HOME=FOLDER/hf FUSION_BENCH_DATA_DIR=FOLDER/data
set -eu

[ $# -eq 1 ] || { echo "usage: make_cache.sh FOLDER" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)

# put FILE REPOSITORY COMMIT NUMBER: one file of a snapshot, by way of a blob.
put() {
    blob=$3$4
    cp "$1" "$2/blobs/$blob"
    ln -s "../../blobs/$blob" "$2/snapshots/$3/$(basename "$1")"
}

# model NAME SOURCE COMMIT: a repository of the cache from a folder of the demo.
model() {
    repository=$out/hf/hub/models--$1
    mkdir -p "$repository/blobs" "$repository/refs" "$repository/snapshots/$3"
    printf %s "$3" > "$repository/refs/main"
    number=0
    for file in "$root/demo/gpt2/$2"/* "$root/demo/gpt2/tokenizer"/*; do
        number=$((number + 1))
        put "$file" "$repository" "$3" "$number"
    done
}

# data TASK SOURCE: the files of a task.
data() {
    mkdir -p "$out/data/glue/$1"
    cp "$2"/* "$out/data/glue/$1/"
}

model gpt2 _pretrained_ 607a30d783dfa663caf39e06633721c8d4cfcd7e
for pair in cola:cola mnli:mnli mrpc:qnli qnli:qnli qqp:qnli rte:qnli sst2:sst2; do
    task=${pair%:*}
    model "tanganke--gpt2_$task" "${pair#*:}" 1111111111111111111111111111111111111111
    if [ -d "$root/demo/data/$task" ]; then
        data "$task" "$root/demo/data/$task"
    else
        data "$task" "$root/tests/seed/glue/$task"
    fi
done
echo "HF_HOME=$out/hf FUSION_BENCH_DATA_DIR=$out/data"
