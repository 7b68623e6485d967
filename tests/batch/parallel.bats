# The GNU parallel recipe, run for real.
load helpers

setup() {
  parallel --version 2>/dev/null | grep -q '^GNU parallel' || skip "GNU parallel is not installed"
  make_records
  OUT="$BATS_TEST_TMPDIR/out.jsonl"
  WORK="$OUT.batch"
}

# A smaller batch for what does not need 200 records.
first_records() {
  head -n "$1" "$INPUT" >"$BATS_TEST_TMPDIR/in.jsonl"
  head -n "$1" "$SINGLE" >"$BATS_TEST_TMPDIR/single.jsonl"
  INPUT="$BATS_TEST_TMPDIR/in.jsonl" SINGLE="$BATS_TEST_TMPDIR/single.jsonl"
}

batch() { observe "$BATCH/parallel.sh" --input "$INPUT" --output "$OUT" --shard-lines 50 --jobs 2 "$@"; }

@test "a shard that is killed runs again alone, and the whole equals a single process" {
  interrupted_terse
  "$BATCH/parallel.sh" --input "$INPUT" --output "$OUT" --shard-lines 50 --jobs 2 --terse "$STATE/terse" \
    -- "${OPTIONS[@]}" 2>"$BATS_TEST_TMPDIR/first" 3>&- &
  local driver=$! code=0
  wait_for test -s "$STATE/pid"
  kill -KILL "$(cat "$STATE/pid")"
  wait $driver || code=$?
  [ "$code" -eq 75 ]
  grep -q 'shard 000002: error: terse ended with exit code 137 after 7 of 50 records' "$BATS_TEST_TMPDIR/first"
  grep -q '1 of 4 shards are not finished (2)' "$BATS_TEST_TMPDIR/first"
  [ ! -e "$OUT" ]
  [ ! -e "$WORK/000002.out.jsonl" ]
  [ "$(wc -l <"$STATE/runs")" -eq 4 ]

  batch --terse "$STATE/terse" -- "${OPTIONS[@]}"
  ended_with 0
  [ "$(wc -l <"$STATE/runs")" -eq 5 ]
  [ "$(tail -n 1 "$STATE/runs" | jq -c .id)" = "$VICTIM" ]
  equals_single_process "$OUT"
}

@test "SIGTERM ends the batch at once with 143 and leaves no process; the next call finishes it" {
  interrupted_terse
  "$BATCH/parallel.sh" --input "$INPUT" --output "$OUT" --shard-lines 50 --jobs 2 --terse "$STATE/terse" \
    -- "${OPTIONS[@]}" 2>"$BATS_TEST_TMPDIR/first" 3>&- &
  local driver=$! code=0
  wait_for test -s "$STATE/pid"
  local begun=$SECONDS
  kill -TERM $driver
  wait $driver || code=$?
  [ $((SECONDS - begun)) -lt 30 ]
  [ "$code" -eq 143 ]
  [ ! -e "$OUT" ]
  wait_for eval "! kill -0 $(cat "$STATE/pid")"
  batch --terse "$STATE/terse" -- "${OPTIONS[@]}"
  ended_with 0
  equals_single_process "$OUT"
}

# Stands for ssh: a machine is a home directory of its own, and a job there knows of the caller's environment nothing.
# A machine named bare* sets no more than a container does; sshd sets the user's shell, too.
make_machines() {
  command -v rsync >/dev/null || skip "rsync is not installed"
  cat >"$BATS_TEST_TMPDIR/ssh" <<'END'
#!/usr/bin/env bash
while [[ "$1" == -* ]]; do [[ "$1" == -[lpo] ]] && shift; shift; done
environment=(HOME="$(dirname "$0")/$1" PATH=/usr/bin:/bin)
[[ "$1" == bare* ]] || environment+=(SHELL=/bin/sh)
shift
[ "${1:-}" != -- ] || shift
cd "${environment[0]#HOME=}" && exec env -i "${environment[@]}" /bin/sh -c "$*"
END
  chmod +x "$BATS_TEST_TMPDIR/ssh"
  local machine
  for machine in "$@"; do mkdir "$BATS_TEST_TMPDIR/$machine"; done
}

@test "several machines: files go there and come back, nothing stays behind" {
  make_machines one bare
  batch --terse "$TERSE" --shard-lines 40 --sshlogin "1/$BATS_TEST_TMPDIR/ssh one" \
    --sshlogin "1/$BATS_TEST_TMPDIR/ssh bare,1/:" -- "${OPTIONS[@]}"
  ended_with 0
  equals_single_process "$OUT"
  [ "$(tail -n +2 "$WORK/joblog" | cut -f 2 | sort -u | wc -l)" -eq 3 ]
  [ -z "$(find "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/bare" -type f)" ]
}

@test "a machine where terse fails: its own message, its name and the exit code are told; another call finishes" {
  make_machines one
  cat >"$BATS_TEST_TMPDIR/terse" <<END
#!/usr/bin/env bash
[[ "\$HOME" != */one || -e "\$HOME/mended" ]] || { echo "libhwy.so.1: no such library" >&2; exit 127; }
exec "$TERSE" "\$@"
END
  chmod +x "$BATS_TEST_TMPDIR/terse"
  first_records 20
  batch --terse "$BATS_TEST_TMPDIR/terse" --sshlogin "1/$BATS_TEST_TMPDIR/ssh one" -- "${OPTIONS[@]}"
  ended_with 75 "1 of 1 shards are not finished (0)"
  [[ "$err" == *"libhwy.so.1: no such library"* ]]
  [[ "$err" == *"shard 000000: error: $BATS_TEST_TMPDIR/terse --version fails on $(hostname)"* ]]
  [[ "$err" == *"parallel: error: shard 0 failed on "*"ssh one: exit code 70"* ]]
  [ -z "$(find "$BATS_TEST_TMPDIR/one" -type f)" ]

  touch "$BATS_TEST_TMPDIR/one/mended"
  batch --terse "$BATS_TEST_TMPDIR/terse" --sshlogin "1/$BATS_TEST_TMPDIR/ssh one" -- "${OPTIONS[@]}"
  ended_with 0
  cmp "$SINGLE" "$OUT"
}

@test "records that fail or have no id: the bytes and the exit code of a single process" {
  INPUT="$BATS_TEST_TMPDIR/in.jsonl"
  printf '%s\n' '{"text":"A library."}' 'no json' '{}' '' '{"id":"a\",\"line\":5,","text":5}' ' { "text":"x", "ids":3} ' \
    '{"id":[],"text":"s"}' '{"id":7,"text":"A tool."}' '{"text":"a tool"}' '"A tool"' >"$INPUT"
  printf '{"text":"a\377"}\r\n{"text":"A tool"}' >>"$INPUT"
  local single=0
  "$TERSE" summarize --jsonl "${OPTIONS[@]}" <"$INPUT" >"$BATS_TEST_TMPDIR/single" || single=$?
  batch --shard-lines 3 --terse "$TERSE" -- "${OPTIONS[@]}"
  [ "$single" -eq 1 ]
  ended_with 1 "8 of 12 records failed"
  diff "$BATS_TEST_TMPDIR/single" "$OUT"
}

@test "a missing and a doubled result are noticed by name, and a deleted shard is made again" {
  first_records 80
  batch --terse "$TERSE" -- "${OPTIONS[@]}"
  local shard="$WORK/000001.out.jsonl" whole
  whole=$(sha256sum <"$OUT")
  sed -i 3d "$shard"
  batch --terse "$TERSE" -- "${OPTIONS[@]}"
  ended_with 65 "shard 1 has 30 records and 29 results"
  [[ "$err" == *"missing: $(sed -n 53p "$INPUT" | jq -c .id)"* ]]
  sed -i 3p "$shard"
  batch --terse "$TERSE" -- "${OPTIONS[@]}"
  ended_with 65 "doubled or unknown: $(sed -n 54p "$INPUT" | jq -c .id)"
  [ "$(sha256sum <"$OUT")" = "$whole" ]
  rm "$shard"
  batch --terse "$TERSE" -- "${OPTIONS[@]}"
  ended_with 0
  cmp "$SINGLE" "$OUT"
}

@test "wrong options of terse are refused before anything is split" {
  batch --terse "$TERSE" -- --max-tokens 0
  ended_with 2 "refuses these options: --max-tokens 0"
  [ ! -e "$WORK" ]
  batch --terse "$TERSE" -- --unordered
  ended_with 2 "--unordered cannot go to terse"
  [ ! -e "$WORK" ]
}

@test "a batch is not mixed with another input, other options or other shards" {
  first_records 30
  batch --terse "$TERSE" -- "${OPTIONS[@]}"
  batch --terse "$TERSE" -- "${OPTIONS[@]}" --threads 2
  ended_with 2 "another set of options"
  batch --terse "$TERSE" --shard-lines 51 -- "${OPTIONS[@]}"
  ended_with 2 "another --shard-lines (50)"
  INPUT="$SINGLE" batch --terse "$TERSE" -- "${OPTIONS[@]}"
  ended_with 2 "another input"
}

@test "hostile arguments: exit 2 (4 for the input) and one line that says what to do" {
  refused() {
    observe "$BATCH/$2" "${@:4}"
    [ "$code" -eq "$1" ]
    [[ "$err" == *"$3"* ]]
    [ "$(wc -l <<<"$err")" -eq 1 ]
  }
  refused 2 parallel.sh "--output is missing"
  refused 2 parallel.sh "--jobs is '-1'" --input "$INPUT" --output "$OUT" --jobs -1
  refused 2 parallel.sh "unknown argument '--max-tokens'" --input "$INPUT" --output "$OUT" --max-tokens 3
  refused 2 parallel.sh "--retries needs a value" --input "$INPUT" --output "$OUT" --retries
  refused 2 parallel.sh "--shard-lines is '0'" --input "$INPUT" --output "$OUT" --shard-lines 0
  refused 4 parallel.sh "absent: cannot be read" --input "$OUT.absent" --output "$OUT"
  refused 2 parallel.sh "not found" --input "$INPUT" --output "$OUT" --terse "$OUT.absent"
  refused 2 run_shard.sh "--shard is ''" --work "$WORK"
  refused 2 merge.sh "expected the directory of a batch" --work "$WORK" --output "$OUT"
}

@test "--help of every script goes to stdout and exits 0" {
  for script in plan run_shard merge parallel slurm; do
    "$BATCH/$script.sh" --help | grep -q "^Usage: $script.sh"
    [ "$("$BATCH/$script.sh" --help | wc -L)" -le 120 ]
  done
}

@test "no records: an empty output and exit 0" {
  INPUT=/dev/null OUT="$BATS_TEST_TMPDIR/empty.jsonl"
  : >"$BATS_TEST_TMPDIR/none"
  INPUT="$BATS_TEST_TMPDIR/none" batch --terse "$TERSE" -- "${OPTIONS[@]}"
  ended_with 0
  [ -e "$OUT" ]
  [ ! -s "$OUT" ]
}
