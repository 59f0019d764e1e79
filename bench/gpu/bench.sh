#!/usr/bin/env bash
# The throughput table on CUDA: bench/gpu/bench.sh [MODEL.onnx] [OUT.json]
# Needs onnxruntime-gpu and the CUDA libraries (those of an installed torch will do).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
options=()
[ -n "${1:-}" ] && options+=(--model "$1")
[ -n "${2:-}" ] && options+=(--json "$2")
python3 "$root/bench/throughput.py" --device cuda --count 2048 --rounds 5 "${options[@]}"
