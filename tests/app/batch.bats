# Batches of records: order, shards, resuming, signals.
load helpers

setup() {
  mkdir "$BATS_TEST_TMPDIR/here"
  cd "$BATS_TEST_TMPDIR/here"
  jq -c '{id, text: .source}' "$EXPECTED" >in
}

# Records with few ids each: make_records N
make_records() { jq -nc "range($1) | {id: \"r\(.)\", ids: [300 + . % 400, 301 + . % 77, 1]}" >in; }

@test "the bytes are the same whatever --parallel and --threads" {
  "$TERSE" summarize --jsonl --temperature 1 --seed 7 <in >a
  "$TERSE" summarize --jsonl --temperature 1 --seed 7 --parallel 3 <in >b
  "$TERSE" summarize --jsonl --temperature 1 --seed 7 --parallel 2 --threads 2 <in >c
  cmp a b
  cmp a c
  "$TERSE" summarize --jsonl --temperature 1 --seed 7 --parallel 3 --unordered <in | sort >d
  diff <(sort a) d
  tac in | "$TERSE" summarize --jsonl --temperature 1 --seed 7 | tac >e
  cmp a e
}

@test "shards are disjoint and together the whole" {
  "$TERSE" summarize --jsonl -n 4 <in | sort >whole
  for i in 1 2 3; do "$TERSE" summarize --jsonl -n 4 --shard $i/3 <in; done | sort >parts
  cmp whole parts
}

@test "--keep-fields passes unknown fields on, in errors too" {
  observe "printf '%s\n' '{\"id\":1,\"text\":\"A tool.\",\"a\":{\"b\":[1]}}' '{\"id\":2,\"a\":3}' | '$TERSE' summarize --jsonl --keep-fields"
  [ "$code" -eq 1 ]
  [ "$(jq -c .a <<<"$out" | tr '\n' ' ')" = '{"b":[1]} 3 ' ]
  observe "echo '{\"id\":1,\"text\":\"A tool.\",\"a\":1}' | '$TERSE' summarize --jsonl"
  [ "$(jq 'has("a")' <<<"$out")" = false ]
}

@test "--output writes the same to a new file, and overwrites none" {
  "$TERSE" summarize --jsonl -n 4 <in >a
  observe "'$TERSE' summarize --jsonl -n 4 --output b <in"
  [ "$code" -eq 0 ]
  [ -z "$out" ]
  cmp a b
  fails_with 2 'exists' "'$TERSE' summarize --jsonl --output b <in"
  cmp a b
  fails_with 74 'no/dir' "'$TERSE' summarize --jsonl --output no/dir/b <in"
  fails_with 74 '/dev/full' "'$TERSE' summarize --jsonl --output /dev/full <in"
  # Told before the model is opened.
  fails_with 74 'no/dir' "'$TERSE' summarize --jsonl --model ./absent --output no/dir/b <in"
  fails_with 2 'exists' "'$TERSE' summarize --jsonl --model ./absent --output b <in"
}

@test "a batch that was interrupted at 20 random moments ends as an unbroken one" {
  # Long enough that a fast machine is far from the end after 20 times a few moments.
  make_records 3000
  "$TERSE" summarize --jsonl -n 12 --min-tokens 12 <in >whole
  touch out
  for _ in $(seq 20); do
    local size; size=$(stat -c %s out)
    "$TERSE" summarize --jsonl -n 12 --min-tokens 12 --parallel 2 --resume out <in 2>/dev/null 3>&- &
    for _ in $(seq 200); do [ "$(stat -c %s out)" = "$size" ] || break; sleep 0.01; done
    sleep "0.00$((RANDOM % 10))"
    kill -KILL $! 2>/dev/null || true
    wait $! || true
  done
  [ "$(wc -l <out)" -lt 3000 ]
  "$TERSE" summarize --jsonl -n 12 --min-tokens 12 --resume out <in
  cmp whole out
  # Once more changes nothing.
  "$TERSE" summarize --jsonl -n 12 --min-tokens 12 --resume out <in
  cmp whole out
}

@test "a last line that was cut is done again" {
  head -n 9 in >few
  "$TERSE" summarize --jsonl -n 4 <few >whole
  for bytes in 1 2 30; do
    head -c -$bytes whole >out
    "$TERSE" summarize --jsonl -n 4 --resume out <few 2>err
    cmp whole out
    grep -q 'was cut' err
  done
}

@test "records that share an id, have none, or cannot be read are done once each" {
  printf '%s\n' '{"id":1,"text":"A tool."}' '{"id":1,"text":"A library."}' 'junk' '{"text":"A game."}' '{"id":null,"text":"x"}' >odd
  "$TERSE" summarize --jsonl <odd >whole || [ $? -eq 1 ]
  [ "$(jq -c '.id' whole | tr '\n' ' ')" = '1 1 null 4 5 ' ]
  for lines in 1 2 3 4 5; do
    head -n $lines whole >out
    "$TERSE" summarize --jsonl --resume out <odd || [ $? -eq 1 ]
    cmp whole out
  done
}

@test "failed records are done again only with --retry-errors" {
  printf '%s\n' '{"id":"a","text":"A tool."}' '{"id":"b","ids":[99999]}' >bad
  observe "'$TERSE' summarize --jsonl --resume out <bad"
  [ "$code" -eq 1 ]
  [[ "$err" == *"1 of 2 records failed"* ]]
  observe "'$TERSE' summarize --jsonl --resume out <bad"
  [ "$code" -eq 0 ]
  [ "$(wc -l <out)" -eq 2 ]
  printf '%s\n' '{"id":"a","text":"A tool."}' '{"id":"b","ids":[300,1]}' >good
  observe "'$TERSE' summarize --jsonl --resume out --retry-errors <good"
  [ "$code" -eq 0 ]
  [ "$(jq -r .finish out | sort -u)" = eos ]
  [ "$(jq -r .id out | tr '\n' ' ')" = 'a b ' ]
  [ ! -e out.tmp ]
}

@test "--resume writes to no file that is something else, or in use" {
  cp in other
  fails_with 2 'no result' "'$TERSE' summarize --jsonl --resume other <in"
  cmp in other
  mkfifo pipe
  "$TERSE" summarize --jsonl --resume out <pipe 3>&- &
  exec 4>pipe
  for _ in $(seq 50); do [ -e out ] && break; sleep 0.1; done
  sleep 0.2
  fails_with 2 'another process' "'$TERSE' summarize --jsonl --resume out <in"
  exec 4>&-
  wait $!
}

@test "SIGINT and SIGTERM end after whole lines with 130 and 143, and the rest can be done later" {
  make_records 1000
  "$TERSE" summarize --jsonl -n 6 <in >whole
  for signal in INT=130 TERM=143; do
    rm -f out
    # A shell's background jobs ignore SIGINT; env restores it.
    env --default-signal=INT "$TERSE" summarize --jsonl -n 6 --parallel 2 --output out <in 2>err 3>&- &
    for _ in $(seq 100); do [ -s out ] && break; sleep 0.02; done
    kill -"${signal%=*}" $!
    local code=0; wait $! || code=$?
    [ "$code" -eq "${signal#*=}" ]
    [ "$(tail -c 1 out | wc -l)" -eq 1 ]
    grep -q interrupted err
    cmp out <(head -n "$(wc -l <out)" whole)
    "$TERSE" summarize --jsonl -n 6 --resume out <in
    cmp whole out
  done
}

@test "a signal ends a wait for input, and an ignored one is left alone" {
  mkfifo pipe
  exec 4<>pipe
  env --default-signal=INT "$TERSE" summarize --jsonl <pipe 2>err 3>&- 4>&- &
  sleep 0.6
  kill -INT $!
  local code=0; wait $! || code=$?
  [ "$code" -eq 130 ]
  (trap '' INT; exec "$TERSE" summarize --jsonl -n 4 <in >out 3>&-) &
  sleep 0.1
  kill -INT $!
  wait $!
  [ "$(wc -l <out)" -eq 50 ]
}

@test "a second signal ends at once, even where nobody reads the output" {
  make_records 3000
  mkfifo pipe
  exec 4<>pipe
  env --default-signal=INT "$TERSE" summarize --jsonl -n 6 <in >pipe 2>err 3>&- 4>&- &
  local pid=$! code=0
  # Until the pipe is full: then it waits without using the processor.
  local before='' now
  for _ in $(seq 60); do
    now=$(cut -d ' ' -f 14,15 "/proc/$pid/stat")
    [ "$now" != "$before" ] || break
    before=$now
    sleep 1
  done
  kill -INT $pid
  sleep 0.5
  kill -0 $pid
  kill -INT $pid
  wait $pid || code=$?
  exec 4>&-
  [ "$code" -eq 130 ]
}

@test "memory does not grow with the number of records" {
  case "$TERSE" in */asan/*) skip "AddressSanitizer keeps freed memory" ;; esac
  make_records 10000
  peak() { "$TERSE" summarize --jsonl -n 1 --parallel 2 --stats-json 2>&1 >/dev/null | jq .peak_memory_bytes; }
  local few many
  few=$(head -n 500 in | peak)
  many=$(peak <in)
  [ "$many" -lt $((few + 4000000)) ]
}

@test "a line of 11 MB is an error of its own record, and is counted under --long truncate" {
  { echo '{"id":1,"text":"A tool."}'
    printf '{"id":2,"text":"'; head -c 11000000 /dev/zero | tr '\0' 'a' | sed 's/aaaaaaaa/lib for /g'; printf '"}\n'
    echo '{"id":3,"text":"A tool."}'; } >long
  observe "'$TERSE' summarize --jsonl <long"
  [ "$code" -eq 1 ]
  [ "$(jq -r .finish <<<"$out" | tr '\n' ' ')" = 'eos error eos ' ]
  observe "'$TERSE' summarize --jsonl --long truncate <long"
  [ "$code" -eq 0 ]
  [ "$(jq 'select(.id == 2).dropped_tokens > 100000' <<<"$out")" = true ]
}

@test "results come while the input is still open" {
  mkfifo to from
  "$TERSE" summarize --jsonl -n 4 <to >from 3>&- &
  exec 4>to 5<from
  for i in 1 2 3; do
    echo "{\"id\":$i,\"text\":\"A tool.\"}" >&4
    read -r -t 20 line <&5
    [ "$(jq .id <<<"$line")" = $i ]
  done
  exec 4>&- 5<&-
  wait $!
}

@test "score has the same batches" {
  jq -c '{id, source, target: .reference}' "$EXPECTED" | head -n 10 >pairs
  "$TERSE" score --jsonl <pairs >a
  "$TERSE" score --jsonl --parallel 2 <pairs | cmp a -
  head -n 4 a >b
  "$TERSE" score --jsonl --resume b <pairs
  cmp a b
}

@test "a progress line appears on a terminal's stderr only, and not with --quiet" {
  make_records 1500
  observe "'$TERSE' summarize --jsonl -n 2 <in"
  [ -z "$err" ]
  in_terminal "'$TERSE' summarize --jsonl -n 2 <in >out"
  grep -q 'records, .*/s, .* left' log
  in_terminal "'$TERSE' summarize --jsonl -n 2 --quiet <in >out"
  refute grep -q records log
}
