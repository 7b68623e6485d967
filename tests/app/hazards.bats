# What goes wrong around a command-line tool: each has its exit code and one clear line.
load helpers

@test "a truncated model" {
  local model; model=$(spoiled_model)
  for size in 0 7 8 100 5000 1000000 25000000; do
    truncate -s "$size" "$model/model.safetensors"
    cp "$model/model.safetensors" "$BATS_TEST_TMPDIR/cut"
    fails_with 3 model.safetensors "'$TERSE' summarize --model '$model' '$SAMPLE'"
    cp "$MODEL/model.safetensors" "$model/model.safetensors"
  done
}

@test "a model with bytes after its end" {
  local model; model=$(spoiled_model)
  echo >>"$model/model.safetensors"
  fails_with 3 model.safetensors "'$TERSE' summarize --model '$model' '$SAMPLE'"
}

@test "flipped bits, in the header and in the data" {
  local model; model=$(spoiled_model)
  for offset in 3 9 40 700 9000 20000 12345678 25070000; do
    /usr/bin/python3 - "$model/model.safetensors" $offset <<'PY'
import sys
path, offset = sys.argv[1], int(sys.argv[2])
with open(path, "r+b") as file:
    file.seek(offset)
    byte = file.read(1)[0]
    file.seek(offset)
    file.write(bytes([byte ^ 4]))
PY
    fails_with 3 "$model" "'$TERSE' summarize --model '$model' '$SAMPLE'"
    cp "$MODEL/model.safetensors" "$model/model.safetensors"
  done
}

@test "weights of the wrong shape, of the wrong type, and a missing one" {
  local model; model=$(spoiled_model)
  sed -i 's/"d_ff": 1024/"d_ff": 2048/' "$model/config.json"
  fails_with 3 'expected' "'$TERSE' summarize --model '$model' '$SAMPLE'"
  cp "$MODEL/config.json" "$model/config.json"
  sed -i 's/"n_decoder_layers": 2/"n_decoder_layers": 3/' "$model/config.json"
  fails_with 3 'decoder.layers.2' "'$TERSE' summarize --model '$model' '$SAMPLE'"
  cp "$MODEL/config.json" "$model/config.json"
  sed -i '0,/"dtype":"F32"/s//"dtype":"F16"/' "$model/model.safetensors"
  fails_with 3 F16 "'$TERSE' summarize --model '$model' '$SAMPLE'"
}

@test "a web page named model.safetensors" {
  local model; model=$(spoiled_model)
  printf '<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>\n' >"$model/model.safetensors"
  fails_with 3 model.safetensors "'$TERSE' summarize --model '$model' '$SAMPLE'"
}

@test "settings that are hostile or unknown" {
  local model; model=$(spoiled_model)
  for change in 's/"d_model": 256/"d_model": -1/' 's/"d_model": 256/"d_model": 1e308/' 's/"d_model": 256/"d_model": 0/' \
    's/"d_model": 256/"d_model": 9223372036854775807/' 's/"n_heads": 4/"n_heads": 0/' 's/"n_heads": 4/"n_heads": "4"/' \
    's/"n_encoder_layers": 2/"n_encoder_layers": 999999999/' 's/"model": "Config/"model": "NoConfig/' \
    's/"layer": "Attention"/"layer": "Inattention"/' 's/"terse_layout": 1/"terse_layout": 2/' 's/"d_ff"/"d_fff"/' \
    's/"sparsity": 8/"sparsity": 7/' 's/"max_len": 1024/"max_len": 67108864/'; do
    sed "$change" "$MODEL/config.json" >"$model/config.json"
    fails_with 3 '' "'$TERSE' summarize --model '$model' '$SAMPLE'"
  done
}

@test "missing files: the model, its parts, its tokenizer" {
  local model; model=$(spoiled_model)
  fails_with 3 absent "'$TERSE' summarize --model ./absent '$SAMPLE'"
  rm "$model/spiece.model"
  fails_with 4 tokenizer "'$TERSE' summarize --model '$model' '$SAMPLE'"
  observe "echo '{\"ids\":[312,1]}' | '$TERSE' summarize --model '$model' --jsonl"
  [ "$code" -eq 0 ]
  [ "$(jq 'has("summary")' <<<"$out")" = false ]
  rm "$model/model.safetensors"
  fails_with 3 model.safetensors "'$TERSE' summarize --model '$model' '$SAMPLE'"
  rm "$model/config.json"
  fails_with 3 config.json "'$TERSE' summarize --model '$model' '$SAMPLE'"
}

@test "a spoiled tokenizer" {
  local model; model=$(spoiled_model)
  truncate -s 100000 "$model/spiece.model"
  fails_with 3 spiece.model "'$TERSE' summarize --model '$model' '$SAMPLE'"
  echo '<html></html>' >"$model/spiece.model"
  fails_with 3 spiece.model "'$TERSE' summarize --model '$model' '$SAMPLE'"
}

@test "empty and blank input" {
  fails_with 4 empty "'$TERSE' summarize </dev/null"
  fails_with 4 empty "printf '\n \t\r\n' | '$TERSE' summarize"
  fails_with 4 empty "printf '\357\273\277' | '$TERSE' summarize"
  observe "'$TERSE' summarize --jsonl </dev/null"
  [ "$code" -eq 0 ]
  [ -z "$out" ]
  [ -z "$err" ]
  observe "printf '%s\n' '{\"id\":1,\"text\":\"\"}' '{\"id\":2,\"text\":\" \\n\"}' '{\"id\":3,\"ids\":[]}' | '$TERSE' summarize --jsonl"
  [ "$code" -eq 0 ]
  [ -z "$err" ]
  [ "$(jq -c '[.id, .summary, .ids, .status]' <<<"$out" | tr -d '\n')" = \
    '[1,"",[],"empty"][2,"",[],"empty"][3,"",[],"empty"]' ]
}

@test "a closed stdin" {
  fails_with 4 stdin "'$TERSE' summarize <&-"
}

@test "a closed stdin, of records" {
  fails_with 4 stdin "'$TERSE' summarize --jsonl <&-"
}

@test "files take no closed stream's place" {
  local dir="$BATS_TEST_TMPDIR"
  # Where stdin is closed, results are not read as records; where stderr is, they get no messages.
  fails_with 4 stdin "'$TERSE' summarize --jsonl --resume '$dir/results' <&-"
  observe "printf '%s\n' '{\"id\":1,\"text\":\"A tool.\"}' junk | '$TERSE' summarize --jsonl --verbose --output '$dir/results' 2>&-"
  [ "$code" -eq 1 ]
  [ "$(jq -r .finish "$dir/results" | tr '\n' ' ')" = 'eos error ' ]
}

@test "a model that is cut while it is in use: a copy goes on, a mapped one is an error" {
  local model; model=$(spoiled_model)
  local file="$model/model.safetensors"
  mkfifo "$BATS_TEST_TMPDIR/to"
  for access in "" --mmap; do
    cp "$MODEL/model.safetensors" "$file"
    "$TERSE" summarize --jsonl --verbose $access --model "$model" <"$BATS_TEST_TMPDIR/to" >"$BATS_TEST_TMPDIR/out" \
      2>"$BATS_TEST_TMPDIR/err" 3>&- &
    exec 4>"$BATS_TEST_TMPDIR/to"
    for _ in $(seq 100); do grep -q opened "$BATS_TEST_TMPDIR/err" && break; sleep 0.1; done
    truncate -s 4096 "$file"
    echo '{"id":1,"text":"A tool."}' >&4
    exec 4>&-
    code=0; wait $! || code=$?
    if [ -z "$access" ]; then
      [ "$code" -eq 0 ]
      [ "$(jq -r .finish "$BATS_TEST_TMPDIR/out")" = eos ]
    else
      [ "$code" -eq 3 ]
      [ ! -s "$BATS_TEST_TMPDIR/out" ]
      grep -q 'was cut or changed while it was in use' "$BATS_TEST_TMPDIR/err"
    fi
  done
}

@test "logits that are not finite fail their record, with the step" {
  local model; model=$(poisoned_model)
  fails_with 1 'non-finite logits at step' "'$TERSE' summarize --model '$model' '$SAMPLE'"
  observe "printf '%s\n' '{\"id\":1,\"text\":\"A tool.\"}' 'junk' | '$TERSE' summarize --model '$model' --jsonl"
  [ "$code" -eq 1 ]
  [[ "$out" == *'non-finite logits at step'* ]]
  [ "$(wc -l <<<"$out")" -eq 2 ]
}

@test "invalid UTF-8 is read as U+FFFD, with a warning that says where" {
  observe "printf 'A \377 library for parsing.' | '$TERSE' summarize"
  [ "$code" -eq 0 ]
  [ -n "$out" ]
  [[ "$err" == *"byte 2"* ]]
  [ "$(wc -l <<<"$err")" -eq 1 ]
  # A lone byte, an overlong form, a surrogate, the start of a character.
  for bytes in '\377' '\300\200' '\355\240\200' '\342\202'; do
    observe "printf 'A library $bytes' | '$TERSE' summarize"
    [ "$code" -eq 0 ]
    [[ "$err" == *"byte 10 is not UTF-8"* ]]
    [ "$out" = "$(printf 'A library \357\277\275' | "$TERSE" summarize)" ] || [[ "$bytes" == *200 ]]
    observe "printf '{\"id\":1,\"text\":\"A library $bytes\"}\n' | '$TERSE' summarize --jsonl"
    [ "$code" -eq 1 ]
    [ "$(jq -r .finish <<<"$out")" = error ]
  done
  observe "printf 'A \0 library' | '$TERSE' summarize"
  [ "$code" -eq 0 ]
  [ -n "$out" ]
}

@test "Windows line ends and a missing last one change nothing" {
  observe "printf '{\"id\":1,\"text\":\"A library.\"}\r\n{\"id\":2,\"text\":\"A library.\"}' | '$TERSE' summarize --jsonl"
  [ "$code" -eq 0 ]
  [ "$(jq -r .summary <<<"$out" | uniq | wc -l)" -eq 1 ]
  for text in 'A library.\nA tool.' 'A library.\nA tool.\n' 'A library.\r\nA tool.' 'A library.\r\nA tool.\r\n'; do
    printf "$text" | "$TERSE" summarize --lines
    printf "$text" | "$TERSE" summarize
  done | awk '{ ++seen[(NR - 1) % 3 " " $0] } END { exit length(seen) != 3 }'
}

@test "an input longer than the model's limit" {
  fails_with 4 'limit is 512' "yes 'a library for parsing' | head -n 1000 | '$TERSE' summarize"
  observe "jq -nc '{id: 0, ids: [range(511) | 300]}, {id: 1, ids: [range(512) | 300]}, {id: 2, ids: [range(513) | 300]}' | '$TERSE' summarize --jsonl --max-tokens 1"
  [ "$code" -eq 1 ]
  [ "$(jq -r .finish <<<"$out" | tr '\n' ' ')" = 'length length error ' ]
}

@test "a reader that goes away ends it quietly" {
  observe "jq -c '{id, text: .source}' '$EXPECTED' | '$TERSE' summarize --jsonl | head -n 1 | jq -r .id"
  [ "$code" -eq 0 ]
  [ -z "$err" ]
  [ "$out" = libghc-pipes-attoparsec-doc ]
  observe "jq -c '{id, text: .source}' '$EXPECTED' | { '$TERSE' summarize --jsonl; echo \$? >'$BATS_TEST_TMPDIR/code'; } | head -c 1"
  [ "$(cat "$BATS_TEST_TMPDIR/code")" -eq 0 ]
  [ -z "$err" ]
}

@test "an output that cannot be written" {
  observe "'$TERSE' summarize '$SAMPLE' >/dev/full"
  [ "$code" -eq 74 ]
  [[ "$err" == *stdout* ]]
  [ "$(wc -l <<<"$err")" -eq 1 ]
  observe "'$TERSE' summarize '$SAMPLE' >&-"
  [ "$code" -eq 74 ]
}

@test "options that do not exist or do not fit" {
  for arguments in "summarize --no-such-option" "summarize --max-tokens 0" "summarize --max-tokens -1" "summarize --threads nan" \
    "summarize --threads 1e308" "summarize --threads ''" "no-such-command" "" "score" "summarize --jsonl file" "model"; do
    fails_with 2 '' "'$TERSE' $arguments </dev/null"
  done
}

@test "little memory is an error and no crash" {
  case "$TERSE" in */asan/*) skip "AddressSanitizer reserves more address space than that" ;; esac
  fails_with 3 memory "ulimit -v 60000; '$TERSE' summarize '$SAMPLE'"
}
