# terse score at the command line.
load helpers

@test "scores of a text and of its ids agree, and add up" {
  printf '%s\n' '{"id": 1, "source": "A personal accounting program.", "target": "accounting program"}' |
    "$TERSE" score --jsonl >"$BATS_TEST_TMPDIR/out"
  jq -e '(.logprobs | length) > 2 and all(.logprobs[]; . < 0)' "$BATS_TEST_TMPDIR/out"
  jq -e '((.logprobs | add) + .nll | fabs) < 1e-9' "$BATS_TEST_TMPDIR/out"
  jq -e '((.nll / (.logprobs | length) | exp) - .perplexity | fabs) < 1e-6' "$BATS_TEST_TMPDIR/out"
}

@test "what was decoded greedily scores better than what a person wrote" {
  head -n 5 "$EXPECTED" | jq -c '{id, source_ids, target_ids: .greedy_ids}' | "$TERSE" score --jsonl | jq .nll \
    >"$BATS_TEST_TMPDIR/greedy"
  head -n 5 "$EXPECTED" | jq -c '{id, source, target: .reference}' | "$TERSE" score --jsonl | jq .nll \
    >"$BATS_TEST_TMPDIR/reference"
  paste "$BATS_TEST_TMPDIR/greedy" "$BATS_TEST_TMPDIR/reference" | awk '{ if ($1 >= $2) exit 1 }'
}

@test "a record without a target, or with an empty one, fails alone" {
  observe "printf '%s\n' '{\"source\":\"a\"}' '{\"source\":\"a\",\"target_ids\":[]}' '{\"source\":\"a\",\"target\":\"b\"}' | '$TERSE' score --jsonl"
  [ "$code" -eq 1 ]
  [ "$(jq -c .finish <<<"$out" | tr '\n' ' ')" = '"error" "error" null ' ]
}

@test "zeros at the end of a source are padding and change nothing" {
  printf '%s\n' '{"id": 1, "source_ids": [312, 351, 1], "target_ids": [312, 1]}' \
    '{"id": 1, "source_ids": [312, 351, 1, 0, 0, 0], "target_ids": [312, 1]}' |
    "$TERSE" score --jsonl | uniq >"$BATS_TEST_TMPDIR/out"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 1 ]
}
