#!/usr/bin/env bash
# The measurement on CUDA, in less than eight minutes:
#
#   bench/gpu/bench.sh OUT [--variant MODEL-fp16.onnx] [OPTION…]
#
# OUT gets speed.md, speed.json and speed.png. Needs torch and onnxruntime-gpu, both able to use the GPU; onnxruntime
# finds the CUDA libraries of an installed torch.
set -euo pipefail
fail() { echo "bench.sh: $*" >&2; exit 2; }

[ -n "${1:-}" ] || { sed -n '2,7p' "$0" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
# Files among the options are named from where the caller stands.
root=$(cd "$(dirname "$0")/../.." && pwd)
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
python=${PYTHON:-python3}

command -v nvidia-smi > /dev/null || echo "bench.sh: no nvidia-smi; how busy the GPU is will not be known" >&2
"$python" -c 'import torch; torch.cuda.is_available() or exit(f"torch {torch.__version__} finds no CUDA device")' \
    || fail "torch cannot use a GPU here"
"$python" -c 'import sys
from models.support.errors import Failure
from scanner import Detector
try:
    Detector.load(None, "cuda")
except Failure as error:
    sys.exit(str(error))' || fail "onnxruntime cannot use a GPU here"

"$python" -m bench.speed --device cuda --count 4096 --slow-count 512 --fast-count 8192 --rounds 5 --no-memory \
    --json "$out/speed.json" --plot "$out/speed.png" "$@" | tee "$out/speed.md"
