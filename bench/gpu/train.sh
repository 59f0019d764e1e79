#!/usr/bin/env bash
# Train the shipped model on a CUDA machine where a command may last only minutes and files travel in pieces.
#
#   bench/gpu/train.sh unpack ARCHIVE.tar DATA       as often as there are archives; MANIFEST.csv beside DATA
#   bench/gpu/train.sh slice DATA RUN [MINUTES]      again and again until it prints "done"; continues RUN by itself
#   bench/gpu/train.sh pieces RUN OUT                model.onnx (fp16) in pieces of 15 MiB, with its SHA-256
#   bench/gpu/train.sh join OUT model.onnx           on the other side
#
# Rehearse on a CPU: PHASES=32x1@5e-4 EPOCH_IMAGES=64 bench/gpu/train.sh slice DATA RUN 1
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
PHASES=${PHASES:-128x20@1e-3,192x10@5e-4,260x8@2e-4}
BATCH=${BATCH:-128}
SETTINGS=${SETTINGS:-degradations=on self_blend=0.2}

case ${1:-} in
unpack)
    mkdir -p "$3"
    tar -xf "$2" -C "$3" --strip-components=1
    ;;
slice)
    data=$2 run=$3 minutes=${4:-9}
    resume=()
    [ -f "$run/last.pt" ] && resume=(--resume)
    limits=()
    [ -n "${EPOCH_IMAGES:-}" ] && limits=(--epoch-images "$EPOCH_IMAGES")
    settings=()
    for setting in $SETTINGS; do settings+=(--set "$setting"); done
    python3 -c 'from train.cli import main; main()' "$data" --out "$run" --recipe scratch --phases "$PHASES" \
        --batch-size "$BATCH" "${settings[@]}" "${limits[@]}" --max-minutes "$minutes" --no-progress "${resume[@]}"
    ;;
pieces)
    run=$2 out=$3
    mkdir -p "$out"
    python3 -c 'from export.cli import main; main()' "$run" --out "$out/model.onnx" --store fp16
    (cd "$out" && sha256sum model.onnx > model.onnx.sha256 && split -b 15M model.onnx model.onnx.piece- && rm model.onnx)
    ;;
join)
    cat "$2"/model.onnx.piece-* > "$3"
    [ "$(sha256sum < "$3" | cut -d' ' -f1)" = "$(cut -d' ' -f1 "$2/model.onnx.sha256")" ] || { echo "the pieces do not fit" >&2; exit 1; }
    ;;
*)
    sed -n '2,9p' "$0" >&2
    exit 2
    ;;
esac
