"""A real Chromium without a window, driven over a pipe by its own DevTools protocol; no driver, no port, no package."""

import base64
import fcntl
import itertools
import json
import os
import queue
import shutil
import subprocess
import threading
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
PATIENCE = 60.0
ACTS = Path(__file__).with_name("acts.js")
KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9, "Enter": 13, " ": 32}


def installed():
    """The browser of this system, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One Chromium with one page."""

    def __init__(self, folder):
        there, here = os.pipe(), os.pipe()
        self.out, self.into = _away(there[1]), _away(here[0])
        theirs = _away(there[0]), _away(here[1])
        self.errors, self.requests, self._answers, self._numbers = [], [], {}, itertools.count(1)
        self._asked = set()
        self._news = queue.Queue()
        command = [installed(), *FLAGS, f"--user-data-dir={folder}", "about:blank"]

        def place():
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, preexec_fn=place, close_fds=False, **quiet)
        for end in theirs:
            os.close(end)
        threading.Thread(target=self._read, daemon=True).start()
        self.session = None
        page = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=ACTS.read_text())

    def close(self):
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.out)

    def call(self, method, **params):
        """One command, and its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while number not in self._answers:
            assert time.monotonic() < until, f"{method} was not answered"
            self._hear(0.05)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def _read(self):
        rest = b""
        while chunk := os.read(self.into, 1 << 16):
            *whole, rest = (rest + chunk).split(b"\0")
            for message in whole:
                self._news.put(json.loads(message))
        os.close(self.into)

    def _hear(self, patience):
        try:
            message = self._news.get(timeout=patience)
        except queue.Empty:
            return
        if "id" in message:
            self._answers[message["id"]] = message
            return
        method, params = message["method"], message["params"]
        if method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(params)
        elif method == "Log.entryAdded" and params["entry"]["source"] == "rendering":
            pass  # advice about pictures being read back often, which only tests do
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(params["entry"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
            self._asked.add(params["requestId"])
        elif method in ("Network.loadingFinished", "Network.loadingFailed"):
            self._asked.discard(params["requestId"])

    def settle(self, seconds=0.2):
        """Hear what there is to hear."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._hear(0.02)

    def rest(self, silence=0.5, seconds=20.0):
        """Until every question of the page has been answered and none has come for a while."""
        until = time.monotonic() + seconds
        while True:
            before = len(self.requests)
            self.settle(silence)
            if not self._asked and len(self.requests) == before:
                return
            assert time.monotonic() < until, f"the page goes on asking: {self.requests[-3:]}"

    def open(self, address):
        """Go to a page, from nothing."""
        self.errors.clear()
        self.requests.clear()
        self._asked.clear()
        self.call("Page.navigate", url=address)

    def run(self, code):
        """The value of some JavaScript, promises awaited."""
        found = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, code, seconds=20.0):
        """Until some JavaScript is true; what it is then."""
        until = time.monotonic() + seconds
        while True:
            message = {"expression": code, "returnByValue": True, "awaitPromise": True}
            found = self.call("Runtime.evaluate", **message)
            if "exceptionDetails" not in found and found["result"].get(
                "value"
            ):  # a page on its way may have no element
                return found["result"]["value"]
            assert time.monotonic() < until, f"never true: {code[:300]}; {found}"
            self.settle(0.03)

    def size(self, width, height, scale=1, mobile=False):
        """The size of the window."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )

    def dark(self, on=True, calm=False):
        """Whether the user likes it dark, and calm."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if on else "light"}]
        features += [{"name": "prefers-reduced-motion", "value": "reduce"}] if calm else []
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self, place, whole=True):
        """A screenshot of the page."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        place.write_bytes(base64.b64decode(data))

    def act(self, name, *arguments):
        """What one of the functions in `acts.js` finds."""
        return self.run(f"acts.{name}(...{json.dumps(arguments)})")

    def middle(self, selector, x=0.5, y=0.5):
        """A place in an element, scrolled into view, in the window's pixels."""
        return self.act("place", selector, x, y)

    def mouse(self, kind, x, y, pressed=1):
        """One event of the mouse."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=pressed, clickCount=1)

    def click(self, selector, x=0.5, y=0.5):
        """Press and let go."""
        at = self.middle(selector, x, y)
        self.mouse("mousePressed", *at)
        self.mouse("mouseReleased", *at, pressed=0)

    def drag(self, selector, start, end, steps=8):
        """Press, move and let go, inside one element."""
        first, last = self.middle(selector, *start), self.middle(selector, *end)
        self.mouse("mousePressed", *first)
        for i in range(1, steps + 1):
            self.mouse("mouseMoved", *(a + (b - a) * i / steps for a, b in zip(first, last)))
        self.mouse("mouseReleased", *last, pressed=0)

    def key(self, name, times=1):
        """Press a key."""
        code = KEYS.get(name, ord(name[0].upper()))
        text = {"text": name} if len(name) == 1 else {"text": "\r"} if name == "Enter" else {}
        for _ in range(times):
            self.call("Input.dispatchKeyEvent", type="keyDown", key=name, code=name, windowsVirtualKeyCode=code, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=name, code=name, windowsVirtualKeyCode=code)


def _away(number):
    """The same pipe under a number that no other needs."""
    moved = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 20)
    os.close(number)
    return moved
