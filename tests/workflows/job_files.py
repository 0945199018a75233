"""Job files as a user edits them, and what sbatch takes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "workflows"
SHELL = ("local-dask.sh", "slurm-array.sh", "slurm-dask.sh")
JOBS = (*SHELL, "slurm-dask.yaml", "kubernetes-dask.yaml")

# From sbatch's manual page, SLURM 22.05.
SHORT = {
    "A": "account", "a": "array", "b": "begin", "B": "extra-node-info", "c": "cpus-per-task", "C": "constraint",
    "D": "chdir", "d": "dependency", "e": "error", "F": "nodefile", "G": "gpus", "H": "hold", "i": "input",
    "J": "job-name", "k": "no-kill", "L": "licenses", "m": "distribution", "M": "clusters", "N": "nodes",
    "n": "ntasks", "o": "output", "O": "overcommit", "p": "partition", "q": "qos", "Q": "quiet",
    "s": "oversubscribe", "S": "core-spec", "t": "time", "W": "wait", "w": "nodelist", "x": "exclude",
}  # fmt: skip
LONG = {
    *SHORT.values(),
    "acctg-freq", "batch", "bb", "bbf", "cluster-constraint", "comment", "container", "contiguous",
    "cores-per-socket", "cpu-freq", "cpus-per-gpu", "deadline", "delay-boot", "exclusive", "export", "export-file",
    "get-user-env", "gid", "gpu-bind", "gpu-freq", "gpus-per-node", "gpus-per-socket", "gpus-per-task", "gres",
    "gres-flags", "hint", "ignore-pbs", "kill-on-invalid-dep", "mail-type", "mail-user", "mcs-label", "mem",
    "mem-bind", "mem-per-cpu", "mem-per-gpu", "mincpus", "network", "nice", "no-requeue", "ntasks-per-core",
    "ntasks-per-gpu", "ntasks-per-node", "ntasks-per-socket", "open-mode", "parsable", "power", "prefer",
    "priority", "profile", "propagate", "reboot", "requeue", "reservation", "signal", "sockets-per-node",
    "spread-job", "switches", "test-only", "thread-spec", "threads-per-core", "time-min", "tmp", "uid",
    "use-min-nodes", "verbose", "wait-all-nodes", "wckey", "wrap",
}  # fmt: skip
TIME = r"\d+(:\d\d){0,2}|\d+-\d+(:\d\d){0,2}"
VALUES = {
    "array": r"\d+(-\d+)?(,\d+(-\d+)?)*(%\d+)?", "cpus-per-task": r"[1-9]\d*", "mem": r"\d+[KMGT]?",
    "mem-per-cpu": r"\d+[KMGT]?", "nodes": r"\d+(-\d+)?", "ntasks": r"[1-9]\d*", "open-mode": "append|truncate",
    "requeue": "", "signal": r"([RB]+:)?(\d+|[A-Z0-9]+)(@\d+)?", "time": TIME,
}  # fmt: skip


def directives(script: str) -> dict[str, str]:
    """Options by their long names from the ``#SBATCH`` lines that sbatch heeds, each checked against its manual."""
    found: dict[str, str] = {}
    for line in script.splitlines():
        if line.strip() and not line.startswith("#"):
            # sbatch looks no further.
            assert "#SBATCH" not in script.partition(f"\n{line}\n")[2], "a directive after the first command"
            break
        if line.startswith("#SBATCH"):
            match = re.fullmatch(r"#SBATCH (?:--([a-z-]+)(?:=(\S+))?|-([A-Za-z]) (\S+))", line)
            assert match, line
            name = match[1] or SHORT[match[3]]
            assert name in LONG, line
            assert name not in found, line
            found[name] = match[2] or match[4] or ""
            assert re.fullmatch(VALUES.get(name, r"\S+"), found[name]), line
    return found


def edited(name: str, folder: Path, **values: object) -> Path:
    """A copy of a job file in a folder, its variables (or top-level YAML names) set as a user would."""
    text = (FOLDER / name).read_text()
    for variable, value in values.items():
        sign = ": " if name.endswith(".yaml") else "="
        text, count = re.subn(rf"(?m)^{variable}{sign}(\[\]|\"[^\"]*\"|\S+)", f"{variable}{sign}{value}", text)
        assert count == 1, variable
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / name
    copy.write_text(text)
    return copy


def environment() -> Path:
    """The environment that the tests run in, as the files ask for it."""
    return Path(sys.prefix)
