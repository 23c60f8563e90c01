"""Our side of every comparison."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Example:
    """An example of converge-bench that answers a line of JSON with a line of JSON."""

    def __init__(self, name, *arguments):
        self.name = name
        # Without `-p`: the libraries are those that `cargo build` has made.
        command = ["cargo", "run", "--release", "--quiet", "--example", name, "--", *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def ask(self, task=None, **request):
        if task is not None:
            request["task"] = task
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"error: the example `{self.name}` has ended; the reason is above")
        return json.loads(answer)
