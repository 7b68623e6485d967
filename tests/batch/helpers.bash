# Shared by the tests of scripts/batch. TERSE (the program) and TERSE_ROOT (the source tree) come from CTest.
BATCH="$TERSE_ROOT/scripts/batch"
# GNU parallel keeps notes in a home of its own.
export PARALLEL_HOME="$BATS_FILE_TMPDIR/parallel"
OPTIONS=(--model "$TERSE_ROOT/tests/golden/models/debian-synopsis" --max-tokens 4)

# 200 short records in $INPUT, in 4 shards of 50, and in $SINGLE what one process makes of them.
make_records() {
  mkdir -p "$PARALLEL_HOME"
  INPUT="$BATS_FILE_TMPDIR/in.jsonl" SINGLE="$BATS_FILE_TMPDIR/single.jsonl"
  [ ! -e "$SINGLE" ] || return 0
  jq -c --slurp '.[] as $item | range(4) as $part
    | {id: "\($item.id)/\($part)", text: "part \($part): \($item.source[40 * $part:][:60])"}' \
    "$TERSE_ROOT/tests/golden/debian-synopsis/expected.jsonl" >"$INPUT"
  [ "$(wc -l <"$INPUT")" -eq 200 ]
  "$TERSE" summarize --jsonl "${OPTIONS[@]}" <"$INPUT" >"$SINGLE"
}

# 200 results, none twice, the bytes of one process.
equals_single_process() {
  [ "$(wc -l <"$1")" -eq 200 ]
  [ "$(jq -c .id "$1" | sort -u | wc -l)" -eq 200 ]
  cmp "$SINGLE" "$1"
}

# A program that is terse, except that its first run over shard 2 writes 7 results and waits to be killed.
# STATE/runs gets the first record of each run, STATE/pid the process that waits.
interrupted_terse() {
  export STATE="$BATS_TEST_TMPDIR/state" TERSE
  mkdir "$STATE"
  VICTIM=$(sed -n 101p "$INPUT" | jq -c .id)
  export VICTIM
  cat >"$STATE/terse" <<'END'
#!/usr/bin/env bash
[ "$1" = summarize ] || exec "$TERSE" "$@"
input=$(mktemp "$STATE/input.XXXXXX")
cat >"$input"
[ ! -s "$input" ] || head -n 1 "$input" >>"$STATE/runs"
if grep -qF "\"id\":$VICTIM" "$input" && mkdir "$STATE/once" 2>/dev/null; then
  "$TERSE" "$@" <"$input" | head -n 7
  echo $$ >"$STATE/pid.new" && mv "$STATE/pid.new" "$STATE/pid"
  exec sleep 60
fi
exec "$TERSE" "$@" <"$input"
END
  chmod +x "$STATE/terse"
}

# Waits at most 20 s until the command succeeds.
wait_for() {
  for _ in $(seq 200); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  echo "waited in vain for: $*"
  return 1
}

# Runs a command; leaves its exit code in $code and its stderr in $err. stdout must stay empty.
observe() {
  code=0
  "$@" >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" || code=$?
  err=$(cat "$BATS_TEST_TMPDIR/stderr")
  echo "exit code $code; $err"
  [ ! -s "$BATS_TEST_TMPDIR/stdout" ]
}

# After observe: this exit code, and a stderr that contains the text.
ended_with() {
  [ "$code" -eq "$1" ]
  [[ "$err" == *"${2:-}"* ]]
}
