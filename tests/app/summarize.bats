# terse summarize as its users run it.
load helpers

# The greedy ids that Trax gives for the 50 items, without the end symbol: one list a line.
trax_ids() { jq -c '[.greedy_ids[] | select(. != 1)]' "$EXPECTED"; }

same_as_trax() {
  jq -c "$1" "$EXPECTED" >"$BATS_TEST_TMPDIR/in.jsonl"
  "$TERSE" summarize --model "$MODEL" --jsonl --max-tokens 32 --threads "$2" \
    <"$BATS_TEST_TMPDIR/in.jsonl" >"$BATS_TEST_TMPDIR/out.jsonl"
  diff <(jq -r .id "$EXPECTED") <(jq -r .id "$BATS_TEST_TMPDIR/out.jsonl")
  diff <(trax_ids) <(jq -c .ids "$BATS_TEST_TMPDIR/out.jsonl")
}

@test "50 of 50 greedy outputs equal Trax's, from ids, on one thread" { same_as_trax '{id, ids: .source_ids}' 1; }
@test "50 of 50 greedy outputs equal Trax's, from ids, on two threads" { same_as_trax '{id, ids: .source_ids}' 2; }
@test "50 of 50 greedy outputs equal Trax's, from text, on one thread" { same_as_trax '{id, text: .source}' 1; }
@test "50 of 50 greedy outputs equal Trax's, from text, on two threads" { same_as_trax '{id, text: .source}' 2; }

@test "the text of a summary is what Trax's ids decode to" {
  jq -c '{id, text: .source}' "$EXPECTED" | "$TERSE" summarize --jsonl --max-tokens 32 | jq -r .summary \
    >"$BATS_TEST_TMPDIR/found"
  jq -r .text "$EXPECTED" | diff - "$BATS_TEST_TMPDIR/found"
}

@test "a file, stdin and - give the same line, and nothing on stderr" {
  observe "'$TERSE' summarize '$SAMPLE'"
  [ "$code" -eq 0 ]
  [ -z "$err" ]
  [ "$out" = "personal accounting program" ]
  observe "'$TERSE' summarize < '$SAMPLE'"
  [ "$out" = "personal accounting program" ]
  observe "cat '$SAMPLE' | '$TERSE' summarize -"
  [ "$out" = "personal accounting program" ]
}

@test "several files give a line each, in order; one that fails costs only its own" {
  printf 'This package contains the documentation of a library.\n' >"$BATS_TEST_TMPDIR/b.txt"
  observe "'$TERSE' summarize '$SAMPLE' '$BATS_TEST_TMPDIR/b.txt'"
  [ "$code" -eq 0 ]
  [ "$(wc -l <<<"$out")" -eq 2 ]
  [ "${out%%$'\n'*}" = "personal accounting program" ]
  observe "'$TERSE' summarize '$BATS_TEST_TMPDIR/absent' '$SAMPLE'"
  [ "$code" -eq 1 ]
  [ "$out" = "personal accounting program" ]
  [[ "$err" == *absent* ]]
  yes 'a library for parsing' | head -n 1000 >"$BATS_TEST_TMPDIR/long.txt"
  observe "'$TERSE' summarize '$BATS_TEST_TMPDIR/long.txt' '$SAMPLE'"
  [ "$code" -eq 1 ]
  [ "$out" = "personal accounting program" ]
  [[ "$err" == *"long.txt: the source has"*"limit is 512"* ]]
}

@test "any number of threads, and a second run, give the same bytes" {
  jq -c '{id, text: .source}' "$EXPECTED" >"$BATS_TEST_TMPDIR/in.jsonl"
  for threads in 1 2 3 1; do
    "$TERSE" summarize --jsonl --threads $threads <"$BATS_TEST_TMPDIR/in.jsonl" | sha256sum
  done | uniq | [ "$(wc -l)" -eq 1 ]
}

@test "--max-tokens cuts, and the record says so" {
  observe "printf '%s\n' '{\"id\": 7, \"text\": \"This is a library.\"}' | '$TERSE' summarize --jsonl --max-tokens 1"
  [ "$(jq -c '[.id, .finish, (.ids | length)]' <<<"$out")" = '[7,"length",1]' ]
}

@test "a record that fails gets its line, and the others go on" {
  observe "printf '%s\n' '{\"id\":\"a\",\"text\":\"A library.\"}' 'no json' '{\"id\":\"c\"}' '{\"id\":\"d\",\"ids\":[99999]}' '' '{\"text\":\"A tool.\"}' | '$TERSE' summarize --jsonl"
  [ "$code" -eq 1 ]
  [ "$(jq -c '[.id, .line, .finish == "error"]' <<<"$out" | tr -d '\n')" = \
    '["a",null,false][null,2,true]["c",3,true]["d",4,true][null,5,true][6,null,false]' ]
}

@test "an id comes back as it was, or not at all" {
  printf '%s\n' '{"id":18446744073709551615,"text":"A tool."}' '{"id":-7,"text":"A tool."}' '{"id":1.5,"text":"A tool."}' \
    '{"id":"\u00e4\u0000","text":"A tool."}' '{"id":18446744073709551616,"text":"A tool."}' >"$BATS_TEST_TMPDIR/in"
  observe "'$TERSE' summarize --jsonl -n 1 <'$BATS_TEST_TMPDIR/in'"
  [ "$code" -eq 1 ]
  [ "$(grep -oE '^\{"id":[^,]*' <<<"$out" | tr '\n' ' ')" = \
    '{"id":18446744073709551615 {"id":-7 {"id":1.5 {"id":"ä\u0000" {"id":null ' ]
}

@test "no input and a terminal on stdin: short help and exit 2" {
  command -v tmux >/dev/null || skip "tmux is not installed"
  local log="$BATS_TEST_TMPDIR/log" socket="terse-$$"
  for command in summarize "summarize --jsonl" "score --jsonl" "continue --lines"; do
    rm -f "$log".*
    tmux -L "$socket" new-session -d -x 100 -y 50 "'$TERSE' $command >'$log.out' 2>'$log.err'; echo \$? >'$log.code'"
    for _ in $(seq 200); do [ -s "$log.code" ] && break; sleep 0.1; done
    [ "$(cat "$log.code")" = 2 ]
    [ ! -s "$log.out" ]
    grep -q "^Usage: terse ${command%% *}" "$log.err"
    [ "$(wc -l <"$log.err")" -le 4 ]
  done
}
