"""A stand-in for a Kubernetes API server whose Dask operator starts processes of this machine instead of pods."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from jsonschema import ValidationError

DISCOVERY: dict[str, Any] = {
    "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
    "/api": {"versions": ["v1"]},
    "/api/v1": {"resources": [{"name": "pods", "kind": "Pod", "singularName": "pod", "namespaced": True}]},
    "/apis": {"groups": []},
}
"""What everybody may ask."""
VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


@dataclass
class FakeKubernetes:
    """What it was asked, what it holds, and the processes it runs."""

    folder: Path
    admit: Callable[[dict[str, Any]], None]
    """Raises ValidationError for what is wrong with a DaskCluster resource."""
    may: Callable[[str, str, str], bool]
    """Whether the client may do this: verb, API group, resource."""
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    denied: list[tuple[str, str, str]] = field(default_factory=list)
    """What it was asked without the right."""
    phase: str = "Running"
    """What the operator says of a cluster."""
    missing: set[str] = field(default_factory=set)
    """Kinds of resources that nobody has defined."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if path.rstrip("/") in DISCOVERY:
            return 200, DISCOVERY[path.rstrip("/")]
        group, resource, name = _parts(path)
        verb = VERBS.get(method) or ("get" if name else "list")
        self.asked.add((verb, group, resource))
        if resource in self.missing:
            return 404, "404 page not found"
        if not self.may(verb, group, resource):
            self.denied.append((verb, group, resource))
            return 403, _status(403, f'{resource} is forbidden: User "test" cannot {verb} resource "{resource}"')
        if method == "POST":
            return self._create(resource, body)
        if name:
            if (resource, name) not in self.objects:
                return 404, _status(404, f'{resource} "{name}" not found')
            if method == "DELETE":
                self._end()
            return 200, self.objects.get((resource, name), _status(200, "gone"))
        wanted = dict(part.split("=") for part in ",".join(query.get("fieldSelector", [])).split(",") if part)
        found = [o for (kind, _), o in sorted(self.objects.items()) if kind == resource]
        found = [o for o in found if o["metadata"]["name"] == wanted.get("metadata.name", o["metadata"]["name"])]
        return 200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": found}

    def _create(self, resource: str, body: dict[str, Any]) -> tuple[int, Any]:
        try:
            self.admit(body)
        except ValidationError as error:
            return 422, _status(422, f"admission: {error}")
        name = body["metadata"]["name"]
        self.objects[resource, name] = body | {"status": {"phase": self.phase}}
        port, pages = _free_port(), _free_port()
        scheduler = body["spec"]["scheduler"]["spec"]["containers"][0]
        command = ["--host", "127.0.0.1", "--port", str(port), "--dashboard-address", f"127.0.0.1:{pages}"]
        assert scheduler["args"][0] == "dask-scheduler"
        self._start("scheduler", [sys.executable, "-m", "dask", "scheduler", *command], scheduler["env"], {})
        worker = body["spec"]["worker"]["spec"]["containers"][0]
        for number in range(body["spec"]["worker"]["replicas"]):
            given = {"DASK_WORKER_NAME": f"worker-{number}", "DASK_SCHEDULER_ADDRESS": f"tcp://127.0.0.1:{port}"}
            words = [word.replace("$(DASK_WORKER_NAME)", f"worker-{number}") for word in worker["args"]]
            assert words[0] == "dask"
            self._start(f"worker-{number}", [sys.executable, "-m", *words], worker["env"], given)
        ports = [{"name": "tcp-comm", "port": port}, {"name": "http-dashboard", "port": pages}]
        self.objects["services", f"{name}-scheduler"] = {
            "kind": "Service", "apiVersion": "v1", "metadata": {"name": f"{name}-scheduler", "namespace": "default"},
            "spec": body["spec"]["scheduler"]["service"] | {"ports": ports},
            "status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}},
        }  # fmt: skip
        self.objects["pods", f"{name}-scheduler"] = {
            "kind": "Pod", "apiVersion": "v1", "metadata": {"name": f"{name}-scheduler", "namespace": "default"},
            "spec": {},
            "status": {"phase": "Running", "conditions": [{"type": t, "status": "True"} for t in ("Ready", "ContainersReady")]},
        }  # fmt: skip
        return 201, self.objects[resource, name]

    def _start(self, name: str, command: list[str], env: list[dict[str, str]], given: dict[str, str]) -> None:
        (self.folder / name).mkdir(parents=True)
        full = os.environ | given | {each["name"]: each["value"] for each in env}
        with (self.folder / name / "log.txt").open("wb") as log:
            started = subprocess.Popen(
                command, cwd=self.folder / name, env=full, stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(started)

    def _end(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.objects.clear()


@contextmanager
def serving(fake: FakeKubernetes, kubeconfig: Path) -> Iterator[None]:
    """Answers on a port of this machine, which the file it writes names."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            code, content = fake.answer(self.command, parts.path, parse_qs(parts.query), body)
            data = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _do

        def log_message(self, *args: object) -> None:
            with (fake.folder / "requests.txt").open("a") as log:
                log.write(f"{self.command} {self.path} {args[1:]}\n")

    fake.folder.mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    write_kubeconfig(kubeconfig, f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        fake._end()
        server.shutdown()
        thread.join()
        server.server_close()


def write_kubeconfig(path: Path, server: str) -> None:
    """The file that tells clients of a server."""
    content = {
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {"token": "t"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content))


def _parts(path: str) -> tuple[str, str, str]:
    """API group, resource and name of a path below ``/api/v1`` or ``/apis/GROUP/VERSION``."""
    words = path.strip("/").split("/")
    group, rest = ("", words[2:]) if words[0] == "api" else (words[1], words[3:])
    rest = rest[2:] if rest[0] == "namespaces" else rest
    return group, rest[0], rest[1] if len(rest) > 1 else ""


def _status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "code": code, "message": message}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
