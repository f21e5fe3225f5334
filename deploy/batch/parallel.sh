#!/usr/bin/env bash
# An archive on one machine with GNU parallel: one process for each shard, each on its share of the cores.
#
#   deploy/batch/parallel.sh SHARDS OUT PATH... [-- OPTION...]
#
# Options behind -- go to every `edge-run batch run`, such as --bundle. Run it again after a crash: what is answered is
# not answered again.
set -euo pipefail
if [ $# -lt 3 ]; then sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
shards=$1 out=$2
shift 2
paths=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do paths+=("$1"); shift; done
[ $# -eq 0 ] || shift

cores=$(nproc)
jobs=$((shards < cores ? shards : cores))
# Read and hash every file once; the shards take the list from the output folder.
edge-run batch list "${paths[@]}" --out "$out"
seq "$shards" | parallel --quote --jobs "$jobs" --halt soon,fail=50% --joblog "$out/parallel.log" \
  edge-run batch run --out "$out" --shard "{}/$shards" --threads $((cores / jobs)) "$@"
edge-run batch merge "$out"
