"""How long the default model takes to load, imports apart and together: five fresh processes, the
median.

python benchmarks/load_time.py
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

SCRIPT = """
import json, time
start = time.perf_counter()
import lusifer, numpy, tokenizers, safetensors.numpy
imported = time.perf_counter()
model = lusifer.load(*MODEL)
loaded = time.perf_counter()
model.encode(["Wo ist der Bahnhof?"])
print(json.dumps({"imports": imported - start, "load": loaded - imported, "first text": time.perf_counter() - loaded}))
"""


def main(*model: str) -> None:
    script = SCRIPT.replace("*MODEL", repr(model[0]) if model else "")
    runs = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", script], capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(5)
    ]
    print(
        json.dumps(
            {name: round(statistics.median(run[name] for run in runs), 4) for name in runs[0]}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
