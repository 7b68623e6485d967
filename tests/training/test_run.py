"""A whole run on 200 pairs: prepare, tokenizer, 20 updates, export, convert, decode; and a run that is killed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import support

UPDATES = 20


def arguments(out, config, **changes):
    settings = {"updates": UPDATES, "warmup": 5, "rate": 0.01, "tokens": 1500, "batches": 2, "save_every": 4, "validate_every": 4,
                "workers": 1, "ops": "plain"} | changes
    options = [x for name, value in settings.items() for x in ("--" + name.replace("_", "-"), str(value))]
    return ["--data", support.corpus(), "--config", config, "--out", out, *options]


def log(run):
    with open(os.path.join(run, "log.jsonl"), encoding="utf-8") as file:
        return [{k: v for k, v in json.loads(line).items() if k != "processor_seconds"} for line in file]


def kill_after(update, command, run):
    """Starts a run and kills it, without a warning, once its log says that it is beyond an update."""
    path = os.path.join(run, "log.jsonl")
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL) as process:
        for _ in range(1200):
            if process.poll() is not None:
                raise AssertionError("the run ended before it could be killed")
            if os.path.exists(path) and any(e["update"] >= update for e in log(run)):
                break
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)


class WholeRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="terse-run-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.out = os.path.join(cls.folder.name, "run")
        cls.config = support.write_config(os.path.join(cls.folder.name, "config.json"))
        support.script("train.py", *arguments(cls.out, cls.config))

    def test_it_learns(self):
        entries = log(self.out)
        self.assertEqual([e["update"] for e in entries], [4, 8, 12, 16, 20])
        self.assertLess(entries[-1]["valid"], entries[0]["valid"] - 0.3)

    def test_a_killed_run_goes_on_to_the_same_losses(self):
        out = os.path.join(self.folder.name, "killed")
        command = [sys.executable, os.path.join(support.TRAIN, "train.py"), *arguments(out, self.config)]
        kill_after(8, command, out)
        support.run(*command)
        self.assertEqual(log(out), log(self.out))

    def test_two_workers_reach_the_same_losses_up_to_rounding(self):
        out = os.path.join(self.folder.name, "two")
        support.script("train.py", *arguments(out, self.config, workers=2))
        for two, one in zip(log(out), log(self.out)):
            self.assertAlmostEqual(two["valid"], one["valid"], delta=0.02)

    def test_other_settings_are_refused(self):
        with self.assertRaisesRegex(AssertionError, "other settings"):
            support.script("train.py", *arguments(self.out, self.config, rate=0.02))

    def test_terse_decodes_what_the_trainer_decodes(self):
        import batches
        import model
        import ops
        import progress
        from config import load
        from weights import Weights

        checkpoint = os.path.join(self.folder.name, "trax")
        support.script("export.py", "--run", self.out, "--tokenizer", os.path.join(support.corpus(), "spiece.model"), "--out", checkpoint)
        directory = support.convert(checkpoint, os.path.join(self.folder.name, "model"))
        records = (support.pairs("train") + support.pairs("valid") + support.pairs("test"))[: support.PAIRS]
        pieces = batches.sentencepiece.SentencePieceProcessor(model_file=os.path.join(support.corpus(), "spiece.model"))
        sources = [batches.ended(pieces.encode(r["source"]), support.SMALL["max_len"]) for r in records]
        results = support.terse("summarize", directory, [{"id": r["id"], "ids": s.tolist()} for r, s in zip(records, sources)])

        weights = Weights(load(self.config), progress.load(os.path.join(self.out, "checkpoint.pt"))["average"])
        same, order = 0, sorted(range(len(sources)), key=lambda i: len(sources[i]))
        for start in range(0, len(order), 20):
            part = order[start : start + 20]
            greedy = model.greedy(model.Model(weights, ops), batches.padded([sources[i] for i in part]), 32)
            same += sum(results[i]["ids"] == [x for x in ids if x != model.END] for i, ids in zip(part, greedy))
        # Where the best two units of a block are equal but for rounding, either program may take either.
        self.assertGreaterEqual(same, len(records) - 1)


if __name__ == "__main__":
    unittest.main()
