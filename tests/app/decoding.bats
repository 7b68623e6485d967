# The ways of decoding, as flags.
load helpers

setup() {
  mkdir "$BATS_TEST_TMPDIR/here"
  cd "$BATS_TEST_TMPDIR/here"
  head -n 6 "$EXPECTED" | jq -c '{id, text: .source}' >in
}

summarize() { "$TERSE" summarize --jsonl "$@" <in; }

@test "a beam of one finds what greedy decoding finds" {
  diff <(summarize | jq -c .ids) <(summarize --beam 1 | jq -c .ids)
}

@test "the scores of the n best are in order, and their log-probabilities are those of terse score" {
  summarize --beam 4 --n-best 3 --length-penalty 0.6 --early-stopping never >out
  all_records '(.candidates | length) == 3 and .summary == .candidates[0].summary' <out
  all_records '[.candidates[].score] | . == (sort | reverse)' <out
  jq -c '.id as $id | .candidates[] | select(.finish == "eos") | {id: $id, ids, logprob}' out >candidates
  paste <(jq -c '{id, ids: .source_ids}' "$EXPECTED" | head -n 6 | jq -c '{(.id): .ids}' | jq -sc add) /dev/null | tr -d '\t' >sources
  jq -c --slurpfile s sources '{source_ids: $s[0][.id], target_ids: (.ids + [1])}' candidates | "$TERSE" score --jsonl |
    jq '-.nll' | paste - <(jq .logprob candidates) | awk '{ d = $1 - $2; if (d > 1e-3 || d < -1e-3) { print; exit 1 } }'
}

@test "--early-stopping always ends no later than never, and both give candidates" {
  for when in always heuristic never; do
    summarize --beam 2 --early-stopping $when | all_records '.score and .logprob'
  done
}

@test "the same seed gives the same text, another one another" {
  summarize --temperature 1.5 --seed 1 >a
  summarize --temperature 1.5 --seed 1 | cmp a -
  summarize --temperature 1.5 --seed 2 >b
  refute cmp -s a b
}

@test "without a seed a random one is told, and gives the text again" {
  summarize --temperature 1.5 >a 2>err
  local seed; seed=$(sed -n 's/.*seed \([0-9]*\)$/\1/p' err)
  [ -n "$seed" ]
  summarize --temperature 1.5 --seed "$seed" | cmp a -
}

@test "choices that leave one token are greedy" {
  summarize >greedy
  for flags in "--top-k 1" "--top-p 0" "--min-p 1"; do
    summarize --temperature 1 --seed 3 $flags | cmp greedy -
  done
}

@test "no n-gram occurs twice with --no-repeat-ngram" {
  echo '{"id": 1, "text": "a library for parsing a library for parsing a library for parsing"}' >in
  summarize --no-repeat-ngram 2 --min-tokens 20 | jq -e '[.ids[:-1], .ids[1:]] | transpose | length == (unique | length)'
  summarize --min-tokens 20 | jq -e '[.ids[:-1], .ids[1:]] | transpose | length > (unique | length)'
}

@test "--repetition-penalty changes what repeats" {
  echo '{"id": 1, "text": "a library for parsing a library for parsing"}' >in
  summarize --min-tokens 20 >a
  summarize --min-tokens 20 --repetition-penalty 2 >b
  refute cmp -s a b
}

@test "--min-tokens and --max-tokens bound the length" {
  summarize --min-tokens 20 --max-tokens 25 | all_records '(.ids | length) >= 20 and (.ids | length) <= 25'
  summarize --max-tokens 2 | all_records '.finish == "length" and (.ids | length) == 2'
}

@test "text ends before the first of several stop strings" {
  local text; text=$(summarize | head -n 1 | jq -r .summary)
  local stop=${text:5:3}
  head -n 1 in >one; mv one in
  summarize --stop "no such text" --stop "$stop" >out
  [ "$(jq -r .finish out)" = stop ]
  [ "$(jq -r .summary out)" = "${text%%"$stop"*}" ]
  local file; file=$(jq -r .text in)
  [ "$("$TERSE" summarize --stop "$stop" <<<"$file")" = "${text%%"$stop"*}" ]
}

@test "--logprobs gives one for each id, and their sum" {
  summarize --logprobs >out
  all_records '(.logprobs | length) == (.ids | length) and .logprob <= ((.logprobs | add) + 1e-6)' <out
  diff <(summarize | jq -c .ids) <(jq -c .ids out)
}

@test "--long: refused, cut or split, and the dropped tokens are told" {
  jq -nc '{id: 1, ids: ([range(600) | 300 + .] + [1])}' >in
  observe "'$TERSE' summarize --jsonl <in"
  [ "$code" -eq 1 ]
  [[ "$out" == *"601 tokens, the model's limit is 512"* ]]
  summarize --long truncate --stats-json 2>stats | jq -e '.dropped_tokens == 89'
  jq -e '.dropped_tokens == 89 and .tokens_in == 512' stats
  summarize --long split | jq -e '.pieces == 2 and (has("dropped_tokens") | not)'
  jq -nc '{ids: ([range(300) | 300 + .] + [1])}, {ids: ([range(300; 600) | 300 + .] + [1])}' |
    "$TERSE" summarize --jsonl | jq -rs 'map(.summary) | join(" ")' >pieces
  diff pieces <(summarize --long split | jq -r .summary)
  observe "yes 'a library for parsing' | head -n 1000 | '$TERSE' summarize --long truncate"
  [ "$code" -eq 0 ]
  [[ "$err" == *"tokens at the end were not read"* ]]
}

@test "--lines gives a line for a line, also for blank ones and those that fail" {
  { echo 'A tool.'; echo; yes 'a library for parsing' | head -n 1000 | tr '\n' ' '; echo; echo 'A game.'; } >in
  observe "'$TERSE' summarize --lines <in"
  [ "$code" -eq 1 ]
  [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 4 ]
  [[ "$err" == *"line 3"* ]]
  [ "$(sed -n 2,3p <<<"$out" | tr -d '\n')" = "" ]
  [ "$(sed -n 4p <<<"$out")" = "$(echo 'A game.' | "$TERSE" summarize)" ]
  observe "'$TERSE' summarize --lines --parallel 2 --shard 2/2 --long truncate in in"
  [ "$code" -eq 0 ]
  [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 4 ]
}

@test "several files at a time give their lines in order" {
  for i in 1 2 3 4; do echo "A tool for number $i and its friends." >f$i; done
  diff <("$TERSE" summarize f1 f2 f3 f4) <("$TERSE" summarize --parallel 2 f1 f2 f3 f4)
}

@test "--stats tells on stderr, for people and as JSON" {
  observe "'$TERSE' summarize --stats '$SAMPLE'"
  [ "$code" -eq 0 ]
  [ "$(wc -l <<<"$out")" -eq 1 ]
  grep -q '^tokens_out  *[1-9]' <<<"$err"
  observe "'$TERSE' summarize --stats-json '$SAMPLE'"
  jq -e '.texts == 1 and .tokens_in > 10 and .tokens_out > 0 and .dropped_tokens == 0 and .load_s > 0
    and .time_to_first_token_s > 0 and .prefill_tokens_per_s > 0 and .decode_tokens_per_s > 0
    and .weight_bytes > 1e6
    and (.decode_gb_per_s / (.bytes_per_token * .decode_tokens_per_s * 1e-9) - 1 | fabs) < 1e-9 and .peak_memory_bytes > 1e7' <<<"$err"
  [ "$(jq -c '[.weight_bytes, .bytes_per_token]' <<<"$err")" = \
    "$("$TERSE" model info --json | jq -c '[.bytes, .bytes_per_token]')" ]
}

@test "a terminal sees the text as it comes, in the same bytes" {
  "$TERSE" summarize "$SAMPLE" >plain
  in_terminal "'$TERSE' summarize '$SAMPLE'"
  [ "$(cat code)" = 0 ]
  [ "$(grep -v '^Script' log | tr -d '\r')" = "$(cat plain)" ]
}

@test "another locale changes nothing" {
  # Whatever locales are installed here: the program never leaves the one of C.
  refute grep -q setlocale "$TERSE"
  summarize --logprobs >a
  LC_ALL=de_DE.UTF-8 "$TERSE" summarize --jsonl --logprobs <in | cmp a -
  LC_ALL=C "$TERSE" summarize --jsonl --logprobs --temperature 0 <in | cmp a -
}

@test "a model's own beams, length penalty and n-grams are defaults, which flags and what excludes beams win over" {
  local model; model=$(spoiled_model)
  jq '. + {num_beams: 3, length_penalty: 0.5, no_repeat_ngram_size: 2}' "$MODEL/generation_config.json" >"$model/generation_config.json"
  head -n 6 "$EXPECTED" | jq -c '{id, text: .source}' >in
  same() { diff <("$TERSE" summarize --jsonl --seed 1 $1 <in) <("$TERSE" summarize --jsonl --seed 1 --model "$model" $2 <in); }
  same "--beam 3 --length-penalty 0.5 --no-repeat-ngram 2" ""
  same "--beam 3 --no-repeat-ngram 2" "--length-penalty 1"
  same "" "--beam 0 --no-repeat-ngram 0"
  same "--temperature 0.7 --no-repeat-ngram 2" "--temperature 0.7"
  same "--logprobs --no-repeat-ngram 2" "--logprobs"
  observe "'$TERSE' summarize --jsonl --length-penalty 2 <in"
  [[ "$err" == *"no effect without --beam"* ]]
  observe "'$TERSE' summarize --jsonl --length-penalty 2 --model '$model' <in"
  [ -z "$err" ]
  jq '.num_beams = 5000' "$MODEL/generation_config.json" >"$model/generation_config.json"
  fails_with 3 "num_beams" "'$TERSE' summarize --model '$model' -n 4 <<<text"
}
