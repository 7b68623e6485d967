# Several texts in flight: the same bytes as one at a time, however they are spread over threads.
load helpers

setup() {
  mkdir "$BATS_TEST_TMPDIR/here"
  cd "$BATS_TEST_TMPDIR/here"
}

# 50 records of ids below VOCAB, of different lengths: make_ids VOCAB
make_ids() {
  jq -nc --argjson vocab "$1" \
    'range(50) as $i | {id: "r\($i)", ids: [range(1 + $i * 7 % 12) | 2 + ($i * 31 + . * 17) % ($vocab - 2)]}' >in
}

# Runs "$TERSE" "$@" over ./in in many ways and compares. One core makes a single decoder of all places; more cores share
# them.
same_in_every_way() {
  "$TERSE" "$@" <in >one || [ $? -eq 1 ]
  for way in '--parallel 2' '--parallel 3' '--parallel 8' '--parallel 3 --threads 2' '--parallel 8 --threads 2'; do
    for cpus in 0 "$(taskset -pc $$ | sed 's/.*: //')"; do
      # shellcheck disable=SC2086
      taskset -c "$cpus" "$TERSE" "$@" $way <in >many || [ $? -eq 1 ]
      cmp one many || { echo "$way on cores $cpus"; return 1; }
    done
  done
}

@test "the shipped model, greedy and by chance, with log-probabilities and stop strings" {
  jq -c '{id, text: .source}' "$EXPECTED" >in
  same_in_every_way summarize --jsonl
  same_in_every_way summarize --jsonl --temperature 1 --top-p 0.9 --seed 3 --logprobs
  same_in_every_way summarize --jsonl --repetition-penalty 1.2 --stop 'e' --stop 'ing '
  same_in_every_way summarize --jsonl --cache int8 --temperature 0.7 --seed 1
}

@test "beams are the same, too" {
  jq -c '{id, text: .source}' "$EXPECTED" | head -n 12 >in
  same_in_every_way summarize --jsonl --beam 3 --n-best 2
}

@test "lines and documents" {
  jq -r .source "$EXPECTED" | tr '\n' ' ' | fold -s -w 300 | head -n 20 >in
  same_in_every_way summarize --lines
  split -l 1 -d in doc
  "$TERSE" summarize doc* >one
  "$TERSE" summarize --parallel 4 doc* | cmp one -
}

@test "a long source in pieces" {
  { jq -r .source "$EXPECTED" | tr '\n' ' ' | jq -Rc '{id: 1, text: .}'
    jq -c '{id, text: .source}' "$EXPECTED" | head -n 5; } >in
  same_in_every_way summarize --jsonl --long split
  head -n 1 one | jq -e '.pieces > 1'
}

@test "models of other kinds, by ids" {
  for model in terra_lsh terra_favor transformer reformer ct_sparse; do
    make_ids "$(jq '.args.input_vocab_size' "$TERSE_GOLDEN/$model/split/config.json")"
    same_in_every_way summarize --jsonl --model "$TERSE_GOLDEN/$model/split" -n 12 --temperature 1 --seed 2
  done
  for model in tlm lm_sru rlm_lsh; do
    make_ids "$(jq '.args.vocab_size' "$TERSE_GOLDEN/$model/split/config.json")"
    same_in_every_way continue --jsonl --model "$TERSE_GOLDEN/$model/split" -n 8 --temperature 1 --seed 2
  done
}

@test "a record that fails leaves those beside it alone" {
  { jq -c '{id, text: .source}' "$EXPECTED" | head -n 9
    echo '{"id": "bad", "ids": [99999]}'
    echo '{"id": "worse"}'
    echo 'junk'
    jq -c '{id, text: .source}' "$EXPECTED" | tail -n 9; } >in
  same_in_every_way summarize --jsonl
  [ "$(jq -r .finish one | grep -c error)" -eq 3 ]
  grep -v -e bad -e worse -e junk in | "$TERSE" summarize --jsonl >good
  diff <(jq -c 'select(.finish != "error")' one) good
}
