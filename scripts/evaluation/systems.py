"""What is compared: a model through the command line of terse, and baselines that need none."""

import json
import re
import shlex
import subprocess
import sys


def first_sentence(text):
    match = re.match(r"(.+?[.!?])(\s|$)", text)
    return match.group(1) if match else text


def cut(text, words):
    return " ".join(text.split()[:words])


def _run(command, records, may_fail=False):
    """Records in, records out; ends the program when terse can't be used or a record failed that may not."""
    lines = "".join(json.dumps(record) + "\n" for record in records)
    try:
        done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        sys.exit(f"evaluate: cannot run {command[0]}: {error.strerror}; build terse or give it by --terse")
    if done.returncode not in (0, 1):
        sys.exit(f"evaluate: {shlex.join(command)} ended with {done.returncode}")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    failed = [r for r in results if r.get("finish") == "error"]
    if (failed and not may_fail) or len(results) != len(records):
        why = f"; the first: {failed[0]['id']}: {failed[0]['error']}" if failed else ""
        sys.exit(f"evaluate: {shlex.join(command)}: {len(failed)} of {len(records)} records failed, {len(results)} came back{why}")
    return results


def summaries(terse, model, records, options):
    """The model's summary of each record's source, and how each ended. Of a source beyond the limit the beginning is read."""
    command = [terse, "summarize", "--jsonl", "--quiet", "--long", "truncate", "--model", model, *options]
    results = _run(command, [{"id": r["id"], "text": r["source"]} for r in records])
    return [r["summary"] for r in results], [r["finish"] for r in results]


def log_likelihood(terse, model, records, language_model):
    """Total negative log-likelihood of the targets in nats, how many tokens they have, and how many records were too long."""
    if language_model:
        asked = [{"id": r["id"], "target": r["source"]} for r in records]
    else:
        asked = [{"id": r["id"], "source": r["source"], "target": r["target"]} for r in records]
    results = _run([terse, "score", "--jsonl", "--quiet", "--model", model], asked, may_fail=True)
    scored = [r for r in results if "nll" in r]
    return sum(r["nll"] for r in scored), sum(len(r["logprobs"]) for r in scored), len(results) - len(scored)
