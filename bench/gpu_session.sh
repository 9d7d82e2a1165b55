#!/usr/bin/env bash
# A short session on a GPU: does the harness compute the right thing there, and how fast.
#
#   bash bench/gpu_session.sh A    5 minutes: doctor, the tests that need a GPU, digits, seconds per epoch of all cases
#   bash bench/gpu_session.sh B    9 minutes: both pipelines side by side, then FashionMNIST to completion
#
# Nothing is fetched from the network. Every part has its own time limit and stops no other. After each part $OUT has its
# output (log.txt), a line on it (summary.txt), and the results without their largest files (results.tar.gz). A second
# session with the same $OUT resumes what the first one had to leave; what the harness remembers between runs is kept in
# $OUT too. Exit code 1: a part failed; a training that is cut off does not count.
#
#   OUT=DIR       what is kept (default: gpu-session)
#   DATA=DIR      the data folder, with FashionMNIST for part B (default: the harness's own)
#   WHEELS=DIR    wheels to install into $OUT first, for a machine that lacks packages
#   DEVICE=cuda   PYTHON=python   BUDGET=SECONDS of the whole session   SCALE=PERCENT of each part's time limit
#   EPOCHS=N      shortens the trainings, for a dry run on a CPU:
#                 DEVICE=cpu SCALE=10 EPOCHS=1 CHECKS=warm-up,resumed bash bench/gpu_session.sh A
set -u
cd "$(dirname "$0")/.." || exit 2
PART=${1:-}
case $PART in
    A) BUDGET=${BUDGET:-300} ;;
    B) BUDGET=${BUDGET:-540} ;;
    *) echo "usage: bash bench/gpu_session.sh A|B" >&2; exit 2 ;;
esac
OUT=${OUT:-gpu-session} DEVICE=${DEVICE:-cuda} PYTHON=${PYTHON:-python} SCALE=${SCALE:-100}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
RESULTS=$OUT/results REPORT=$OUT/report
export XDG_STATE_HOME=$OUT/state # a gain of compiling that part A measures decides part B's cases
export COLUMNS=200 PYTHONUNBUFFERED=1 PYTHONPATH=$PWD:$OUT/packages${PYTHONPATH:+:$PYTHONPATH}

RESERVE=30 # seconds for the report
FAILED=0   # parts

left() { echo $((BUDGET - SECONDS - RESERVE)); }

say() { echo "[$SECONDS s] $*" | tee -a "$OUT/summary.txt"; }

keep() { # the largest files stay behind
    tar -czf "$OUT/results.tar.gz" --exclude='checkpoint-*' --exclude='*.safetensors' -C "$OUT" results report 2>/dev/null
}

part() { # part NAME SECONDS COMMAND...
    local name=$1 limit=$(($2 * SCALE / 100)) from=$SECONDS rc
    shift 2
    [ "$limit" -gt "$(left)" ] && limit=$(left)
    if [ "$limit" -lt 5 ]; then say "SKIPPED $name: no time left"; return; fi
    echo "=== $name (at most $limit s): $*" >> "$OUT/log.txt"
    timeout --signal=INT --kill-after=20 "$limit" "$@" 2>&1 | tee "$OUT/last.txt" >> "$OUT/log.txt"
    rc=${PIPESTATUS[0]}
    if [ "$rc" != 0 ] && [ "$rc/${RESUMABLE:-}" != 124/yes ]; then FAILED=$((FAILED + 1)); fi
    if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then rc="$rc, its time was over"; fi
    say "exit code $rc: $name, $((SECONDS - from)) s"
    grep -E '^(passed|FAILED|n/a|[0-9]+ checks|[0-9]+ (passed|failed)|=+ .*(passed|failed)|(cifar10|fashionmnist|gtsrb|digits) )' \
        "$OUT/last.txt" | cut -c1-250 | tail -n 40 | tee -a "$OUT/summary.txt"
    keep
}

harness() { part "$1" "$2" "$PYTHON" -m harness "${@:3}"; }

study() { # study NAME SECONDS PYTEST-ARGUMENTS...: trains cases, and keeps the epochs of one that is cut off
    RESUMABLE=yes part "$1" "$2" "$PYTHON" -m pytest bench -q -p no:cacheprovider --device "$DEVICE" --results-dir "$RESULTS" \
        --report-dir "$REPORT" ${DATA:+--data-dir "$DATA"} "${@:3}"
}

main() { # a function, which bash reads whole: the file may change while it runs
    FULL=(--full-training ${EPOCHS:+--epochs "$EPOCHS"})
    if [ -n "${WHEELS:-}" ] && [ ! -d "$OUT/packages" ]; then
        part packages 60 "$PYTHON" -m pip install -q --no-index --no-deps --target "$OUT/packages" "$WHEELS"/*.whl
    fi
    command -v nvidia-smi > /dev/null && part machine 20 nvidia-smi
    if [ "$PART" = A ]; then
        harness doctor 120 doctor --device "$DEVICE" ${CHECKS:+--checks "$CHECKS"}
        part "GPU tests" 60 "$PYTHON" -m pytest -q -rs -p no:cacheprovider tests/training/trainers/test_cuda_graph.py \
            tests/hardware tests/models/test_initial_weights.py -k "cuda or gpu or captur or stopwatch or weights"
        study digits 60 -k "digits and seed0" "${FULL[@]}"
        for dataset in cifar10 fashionmnist gtsrb; do
            harness "seconds per epoch, $dataset" 45 plan bench -p no:cacheprovider --device "$DEVICE" \
                --results-dir "$RESULTS" -k "$dataset" --full-training
        done
        harness "doctor, GTSRB" 60 doctor --device "$DEVICE" --dataset gtsrb --model resnet24 \
            --checks "${CHECKS:-captured-bf16,bf16-step,waits,memory-peak}"
    else
        study throughput 100 -k "throughput and (resnet20-3x32 or resnet50)"
        study "FashionMNIST ResNet-20" 180 -k "fashionmnist and resnet20-seed" "${FULL[@]}"
        for model in resnet20-2 resnet56 resnet20-4; do # the time that is left; a case that is cut off can be resumed
            study "FashionMNIST $model" 300 -k "fashionmnist and $model-seed" "${FULL[@]}"
        done
    fi
    RESERVE=0
    part report 60 "$PYTHON" -m harness report --results-dir "$RESULTS" --report-dir "$REPORT"
    rm -f "$OUT/last.txt"
    say "done, failed parts: $FAILED, $(left) s left: $OUT"
    exit $((FAILED > 0))
}

main
