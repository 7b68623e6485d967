# The Slurm recipe, run for real: a controller and a node on loopback.
load helpers
load slurm

slurm_is_installed() {
  for program in slurmctld slurmd sbatch; do command -v $program >/dev/null || return 1; done
}

setup_file() {
  PATH="$PATH:/usr/sbin"
  export PATH
  if slurm_is_installed; then start_slurm "$BATS_FILE_TMPDIR/slurm"; fi
}

teardown_file() { stop_slurm "$BATS_FILE_TMPDIR/slurm"; }

setup() {
  slurm_is_installed || skip "slurmctld, slurmd or sbatch is not installed"
  make_records
  OUT="$BATS_TEST_TMPDIR/out.jsonl"
  WORK="$OUT.batch"
}

batch() { observe "$BATCH/slurm.sh" --input "$INPUT" --output "$OUT" --shard-lines 50 "$@"; }

@test "a task that is killed runs again alone, and the whole equals a single process" {
  interrupted_terse
  batch --terse "$STATE/terse" -- "${OPTIONS[@]}"
  ended_with 0 "runs 4 of 4 shards"
  wait_for test -s "$STATE/pid"
  batch --terse "$STATE/terse" -- "${OPTIONS[@]}"
  ended_with 75 "of this batch has not ended; wait for it, or scancel"

  scancel --signal=KILL --full "$(cat "$WORK/array.job")_2"
  wait_for grep -q '1 of 4 shards are not finished (2)' "$WORK/logs/merge.log"
  wait_for eval '[ -z "$(squeue --noheader)" ]'
  [ ! -e "$OUT" ]
  [ ! -e "$WORK/000002.out.jsonl" ]
  [ "$(wc -l <"$WORK/000002.out.jsonl.part")" -eq 7 ]
  [ "$(wc -l <"$STATE/runs")" -eq 4 ]

  batch --wait --terse "$STATE/terse" -- "${OPTIONS[@]}"
  ended_with 0 "runs 1 of 4 shards"
  [ "$(wc -l <"$STATE/runs")" -eq 5 ]
  [ "$(tail -n 1 "$STATE/runs" | jq -c .id)" = "$VICTIM" ]
  equals_single_process "$OUT"
}

@test "--wait gives the merge's exit code and message: 1 when records failed" {
  INPUT="$BATS_TEST_TMPDIR/in.jsonl"
  printf '%s\n' '{"id":1,"text":"A library."}' 'no json' '{"text":"A tool."}' >"$INPUT"
  batch --wait --shard-lines 2 --running 1 --sbatch --comment=test --terse "$TERSE" -- "${OPTIONS[@]}"
  ended_with 1 "1 of 3 records failed"
  "$TERSE" summarize --jsonl "${OPTIONS[@]}" <"$INPUT" | diff - "$OUT"
}

@test "more shards than the cluster's arrays hold: refused, with the way out" {
  INPUT="$BATS_TEST_TMPDIR/in.jsonl"
  seq 1002 | jq -c '{id: ., text: "A tool."}' >"$INPUT"
  batch --shard-lines 1 --terse "$TERSE" -- "${OPTIONS[@]}"
  ended_with 2 "this cluster's arrays hold 1001; take --shard-lines above 1"
}
