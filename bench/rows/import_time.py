"""Import time: what an application pays for the names that its code uses, in a fresh interpreter."""

import subprocess
import sys
from statistics import median

from bench.lab import Lab
from bench.rows.row import Metric, Row, Sample

IMPORTS = {
    "stepwell": "from stepwell import Stepwell, step, workflow",
    "dbos": "from dbos import DBOS",
}
IMPORTS_PER_ROUND = 3
SCRIPT = "import time; started = time.perf_counter(); {}; print(time.perf_counter() - started)"


def sample(lab: Lab, system: str) -> Sample:
    """The first import of a round only warms the file cache."""
    command = [sys.executable, "-c", SCRIPT.format(IMPORTS[system])]
    taken = Sample()
    times = []
    for _ in range(1 + IMPORTS_PER_ROUND):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            taken.failures += 1
            taken.troubles.append(done.stderr[-500:])
            return taken
        times.append(float(done.stdout))
    taken.values["import"] = median(times[1:]) * 1e3
    return taken


ROW = Row(
    "import",
    "import time",
    (Metric("import", "from X import what user code uses", "ms", ratio=10),),
    sample,
)
