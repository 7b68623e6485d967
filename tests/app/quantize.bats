# terse model quantize: smaller weights, the same model.
load helpers

setup() { cd "$BATS_TEST_TMPDIR"; }

nll() { jq -c '{id, source, target: .reference}' "$EXPECTED" | "$TERSE" score --model "$1" --jsonl | jq -s 'map(.nll) | add'; }

# within PERCENT A B
within() { jq -en --argjson p "$1" --argjson a "$2" --argjson b "$3" '($a - $b | fabs) <= $p / 100 * ($b | fabs)'; }

@test "each type keeps the log-probabilities of the texts" {
  full=$(nll "$MODEL")
  for limits in "bf16 0.5" "int8 1" "int4 4"; do
    read -r type percent <<<"$limits"
    observe "'$TERSE' model quantize '$MODEL' $type --type $type"
    [ "$code" -eq 0 ] && [ -z "$out" ] && [ -z "$err" ]
    within "$percent" "$(nll "$type")" "$full"
    "$TERSE" model check "$type"
  done
  [ "$(stat -c %s int8/model.safetensors)" -lt "$(stat -c %s bf16/model.safetensors)" ]
  [ "$(stat -c %s int4/model.safetensors)" -lt "$(stat -c %s int8/model.safetensors)" ]
}

@test "a quantised model decodes to the same bytes whatever the threads" {
  "$TERSE" model quantize "$MODEL" --output small --type int4
  head -n 5 "$EXPECTED" | jq -c '{id, text: .source}' >in
  "$TERSE" summarize --model small --jsonl --threads 1 <in >one
  "$TERSE" summarize --model small --jsonl --threads 2 <in | cmp - one
  "$TERSE" summarize --model small --jsonl --parallel 3 <in | cmp - one
  [ "$(jq -s 'length' one)" -eq 5 ]
}

@test "quantize refuses what it cannot do and leaves nothing behind" {
  "$TERSE" model quantize "$MODEL" int8
  fails_with 2 "int8 weights already" "'$TERSE' model quantize int8 again --type int4"
  fails_with 2 "exists already" "'$TERSE' model quantize '$MODEL' int8"
  fails_with 2 "expected f32, bf16, int8 or int4" "'$TERSE' model quantize '$MODEL' new --type f16"
  fails_with 3 "no-such-model" "'$TERSE' model quantize no-such-model new"
  fails_with 74 "cannot be made" "'$TERSE' model quantize '$MODEL' no/such/folder"
  [ "$(ls -A)" = "$(printf 'err\nint8\nout')" ]
}

@test "a quantised tensor that is cut or of another size is refused by name" {
  "$TERSE" model quantize "$MODEL" bad
  python3 - bad/model.safetensors <<'PY'
import json, sys
data = open(sys.argv[1], "rb").read()
size = int.from_bytes(data[:8], "little")
header = json.loads(data[8:8 + size])
tensor = header["embedding.table.int8"]
rows, width = tensor["shape"]
tensor["shape"] = [rows // 2, width * 2]
text = json.dumps(header, separators=(",", ":")).encode().ljust(size)
open(sys.argv[1], "wb").write(data[:8] + text + data[8 + size:])
PY
  fails_with 3 "embedding.table" "'$TERSE' summarize --model bad '$SAMPLE'"
}
