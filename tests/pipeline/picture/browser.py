"""Headless Chromium, driven over a pipe by the DevTools protocol: open a page, ask it, drag, turn the wheel, look at it."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--remote-debugging-pipe", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--hide-scrollbars", "--window-size=1280,800",
)  # fmt: skip


class Page:
    """One page."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._number, self._unread = 0, b""
        self._session: str | None = None
        self.requests: list[str] = []
        """Addresses the page asked for."""
        self.complaints: list[str] = []
        """What it wrote on its console, and exceptions nobody caught."""

    def open(self, path: Path) -> None:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.send(f"{domain}.enable")
        self.send("Page.navigate", url=path.as_uri())

    def send(self, method: str, **params: Any) -> Any:
        """Calls a method and waits for its answer; notes what the page says meanwhile."""
        self._number += 1
        call = {"id": self._number, "method": method, "params": params}
        os.write(self._to, json.dumps(call | ({"sessionId": self._session} if self._session else {})).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self._heed(message)

    def ask(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, script: str, timeout_s: float = 60) -> Any:
        deadline = time.monotonic() + timeout_s
        while not (value := self.ask(script)):
            assert time.monotonic() < deadline, f"waited {timeout_s} s for {script}"
            time.sleep(0.05)
        return value

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, start: tuple[float, float], stop: tuple[float, float], button: str = "left") -> None:
        held = {"button": button, "buttons": 2 if button == "right" else 1}
        self.mouse("mousePressed", *start, clickCount=1, **held)
        for share in (0.25, 0.5, 0.75, 1.0):
            self.mouse("mouseMoved", *(a + share * (b - a) for a, b in zip(start, stop, strict=True)), **held)
        self.mouse("mouseReleased", *stop, clickCount=1, button=button)
        self.drawn()

    def click(self, x: float, y: float) -> None:
        self.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)

    def drawn(self) -> None:
        """Waits until what was asked for is on the canvas."""
        self.ask("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def screenshot(self, path: Path | None = None) -> np.ndarray:
        """(800, 1280, 3) int."""
        png = base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])
        if path is not None:
            path.write_bytes(png)
        with Image.open(io.BytesIO(png)) as image:
            return np.array(image.convert("RGB")).astype(int)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            piece = os.read(self._from, 1 << 20)
            assert piece, "the browser ended"
            self._unread += piece
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def _heed(self, message: dict[str, Any]) -> None:
        kind, params = message.get("method"), message.get("params", {})
        if kind == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif kind == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
        elif kind == "Runtime.consoleAPICalled":
            self.complaints.append(str([arg.get("value") for arg in params["args"]]))


@contextmanager
def opened(path: Path, profile: Path) -> Iterator[Page]:
    """A page in a browser of its own, once it is drawn."""
    assert CHROMIUM is not None
    ours_read, theirs_write = os.pipe()
    theirs_read, ours_write = os.pipe()

    # Chromium listens on descriptor 3 and speaks on 4.
    started = ["bash", "-c", f'exec "$@" 3<&{theirs_read} 4>&{theirs_write}', "bash", CHROMIUM]
    with (profile.parent / "browser.log").open("wb") as log:
        browser = subprocess.Popen(
            [*started, *FLAGS, f"--user-data-dir={profile}"], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            pass_fds=(theirs_read, theirs_write),
        )  # fmt: skip
    try:
        page = Page(ours_write, ours_read)
        page.open(path)
        page.until("document.body && document.body.dataset.ready")
        yield page
    finally:
        browser.kill()
        browser.wait()
        for end in (ours_read, ours_write, theirs_read, theirs_write):
            os.close(end)
