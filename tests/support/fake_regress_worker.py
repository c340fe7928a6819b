"""A worker of `archbench regress` that trains nothing: the real protocol, with the facts and times that are wanted.

FAKE holds JSON by side ({"base": ..., "head": ...}): "seconds" of a turn, "facts" that replace the usual ones; "die",
"fail", "mute" or "babble": the command at which it ends, says that it failed, falls silent or prints what is no JSON;
"hello": what it greets with beside FAKE_CODE; "start": its last words, without a greeting; "trained": a folder with the
results of its trainings, whose ids by seed stand in cells.json.
"""

import itertools
import json
import os
import shutil
import sys
import time

FACTS = {
    "parameters": 100,
    "flops": 200,
    "conditions": {"lr": 0.1, "clip": 1.0},
    "losses": [1.0] * 20,
    "norms": [[1.0, 2.0]] * 20,
    "variables": ["a", "b"],
    "data": "d",
    "evaluation": [0.5, 0.9],
    "traces": 1,
}


def main() -> None:
    side = sys.argv[1]
    wanted = json.loads(os.environ.get("FAKE", "{}")).get(side, {})
    if "start" in wanted:
        print(wanted["start"], file=sys.stderr)
        sys.exit(1)
    print(json.dumps({"event": "ready", "protocol": 1, "code": os.environ["FAKE_CODE"], **wanted.get("hello", {})}))
    sys.stdout.flush()
    jitter = itertools.cycle([1.0, 1.001, 0.999, 1.002, 0.998])
    for line in sys.stdin:
        command = json.loads(line)
        do = command["do"]
        if wanted.get("die") == do:
            os.kill(os.getpid(), 9)
        if wanted.get("mute") == do:
            time.sleep(60)
        answer = {"event": "done", "peak_bytes": wanted.get("peak", 10**8), **FACTS, **wanted.get("facts", {})}
        if do == "train":
            shutil.copytree(wanted["trained"], command["folder"], dirs_exist_ok=True)
            with open(os.path.join(wanted["trained"], "cells.json"), encoding="utf-8") as file:
                answer["cell"] = json.load(file)[command["suite"]["seeds"][0]]
            print(json.dumps({"event": "progress", "step": 1, "steps": 2, "score": 0.5}), flush=True)
        answer["seconds"] = wanted.get("seconds", 0.01) * next(jitter)
        if wanted.get("fail") == do:
            answer = {"event": "failed", "reason": "UsageError: unknown architecture 'lstm'"}
        print("{" if wanted.get("babble") == do else json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
