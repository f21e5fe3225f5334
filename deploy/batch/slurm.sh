#!/usr/bin/env bash
# An archive as a Slurm array: one job lists and hashes, an array answers, one job merges.
#
#   deploy/batch/slurm.sh SHARDS OUT PATH...
#
# OUT is on storage that every node reaches and that has file locks (NFS 4; Lustre with -o flock). A node that fails is
# requeued by Slurm and its shard goes on where it stopped; submit everything again to answer what is still missing.
#SBATCH --job-name=edge-run
#SBATCH --output=%x-%A_%a.log
set -euo pipefail

step() { # One step, inside a job.
  case $1 in
    list) shift; edge-run batch list "$@" ;;
    shard) edge-run batch run --out "$2" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --threads "$SLURM_CPUS_PER_TASK" ;;
    merge) edge-run batch merge "$2" ;;
  esac
}

if [ -n "${SLURM_JOB_ID:-}" ]; then step "$@"; exit; fi
if [ $# -lt 3 ]; then sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
shards=$1 out=$2
shift 2
listed=$(sbatch --parsable --cpus-per-task=8 "$0" list "$@" --out "$out")
# Arrays count from 1, as shards do. %50 keeps the storage from fifty-first readers.
answered=$(sbatch --parsable --cpus-per-task=4 --mem=4G --requeue --array="1-$shards%50" \
  --dependency="afterok:$listed" "$0" shard "$out")
# After every shard, whether it failed or not: merging names what is missing.
sbatch --parsable --cpus-per-task=2 --mem=8G --dependency="afterany:$answered" "$0" merge "$out"
