"""Drives headless Chromium by the DevTools protocol over a pipe: standard library only.

Chromium reads commands from its file descriptor 3 and writes answers and events to 4, each a JSON
text that ends with a zero byte. Nothing listens on a port.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


class Failure(Exception):
    """What the browser refused, or did not answer in time."""


def executable():
    """The browser of this system, or None."""
    return next(filter(None, map(shutil.which, ["chromium", "google-chrome"])), None)


class Browser:
    """A browser of its own, with a profile that goes with it."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read_end, commands = os.pipe()
        answers, write_end = os.pipe()
        arguments = [
            executable(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--hide-scrollbars", "--mute-audio", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", "--disable-component-update", "--force-device-scale-factor=1",
            "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}", "about:blank",
        ]
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{read_end} 4>&{write_end}', "sh", *arguments],
            pass_fds=(read_end, write_end), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(read_end)
        os.close(write_end)
        self.commands, self.answers = commands, answers
        self.rest, self.count, self.events = b"", 0, []

    def close(self):
        """Ends the browser and forgets its profile."""
        try:
            self.call("Browser.close")
            self.process.wait(timeout=20)
        except (Failure, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.commands)
        os.close(self.answers)
        self.profile.cleanup()

    def call(self, method, session=None, timeout=60, **parameters):
        """Sends a command and returns its result; events that come in between are kept."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data):]
        end = time.monotonic() + timeout
        while True:
            answer = self.receive(end, method)
            if answer.get("id") != self.count:
                self.events.append(answer)
            elif "error" in answer:
                raise Failure(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def receive(self, end, what):
        """The next message, until a moment."""
        while b"\0" not in self.rest:
            if not select.select([self.answers], [], [], max(0, end - time.monotonic()))[0]:
                raise Failure(f"{what}: no answer in time")
            data = os.read(self.answers, 1 << 20)
            if not data:
                raise Failure(f"{what}: the browser has ended")
            self.rest += data
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)


class Page:
    """One tab: opens addresses, runs expressions, presses keys, takes pictures."""

    def __init__(self, browser, width=1280, height=900, dark=False):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
        self.target, self.session = target, attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.size(width, height)
        self.theme(dark)

    def call(self, method, **parameters):
        """A command to this tab."""
        return self.browser.call(method, session=self.session, **parameters)

    def close(self):
        """Closes the tab."""
        self.browser.call("Target.closeTarget", targetId=self.target)

    def size(self, width, height=900):
        """Lays out at a width in CSS pixels: device metrics, because windows are never below 500."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def theme(self, dark):
        """What the system prefers."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def open(self, address, timeout=60):
        """Loads an address; returns the seconds until it had loaded and painted."""
        start = time.monotonic()
        self.call("Page.navigate", url=address, timeout=timeout)
        # Two frames after the load event the first picture is on the screen.
        self.evaluate(
            "new Promise(done => { const painted = () => requestAnimationFrame(() =>"
            " requestAnimationFrame(done)); document.readyState === 'complete' ? painted() :"
            " addEventListener('load', painted); })", timeout=timeout)
        return time.monotonic() - start

    def evaluate(self, expression, timeout=60):
        """The value of an expression, awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True, timeout=timeout)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            text = details.get("exception", {}).get("description", details["text"])
            raise Failure(f"{expression}: {text}")
        return answer["result"].get("value")

    def go(self, address):
        """Follows an address inside the page and waits for its view."""
        self.evaluate("location.hash = " + json.dumps(address))
        self.settle()

    def settle(self):
        """Waits until two frames have been drawn."""
        self.evaluate("new Promise(done => setTimeout(() =>"
                      " requestAnimationFrame(() => requestAnimationFrame(done)), 30))")

    def until(self, expression, seconds=20):
        """Waits until an expression holds."""
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise Failure(f"never: {expression}")
            time.sleep(0.02)

    def press(self, key, text=None):
        """Presses and releases a key."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        named = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper()))}
        if text is None and len(key) == 1:
            text = key
        if key == "Enter":
            text = "\r"
        down = {"type": "keyDown", **named, **({"text": text} if text else {})}
        self.call("Input.dispatchKeyEvent", **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)
        self.settle()

    def drag(self, start, end):
        """Moves the mouse from one place to another with its button down."""
        def mouse(kind, at, button="left"):
            self.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button=button,
                      buttons=0 if kind == "mouseMoved" and button == "none" else 1, clickCount=1)
        mouse("mouseMoved", start, "none")
        mouse("mousePressed", start)
        middle = [(a + b) / 2 for a, b in zip(start, end)]
        mouse("mouseMoved", middle)
        mouse("mouseMoved", end)
        mouse("mouseReleased", end)
        self.settle()

    def hover(self, at):
        """Moves the mouse to a place."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=at[0], y=at[1])
        self.settle()

    def picture(self, path, whole=False):
        """Saves what is seen as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def complaints(self):
        """What the console, the log and uncaught errors have said so far."""
        self.evaluate("0")
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.consoleAPICalled":
                found.append(f"console: {parameters['args']}")
            elif method == "Runtime.exceptionThrown":
                found.append(f"error: {parameters['exceptionDetails']}")
            elif method == "Log.entryAdded":
                found.append(f"log: {parameters['entry'].get('text')}")
        return found

    def requests(self):
        """Addresses that were asked for so far."""
        self.evaluate("0")
        return [event["params"]["request"]["url"] for event in self.browser.events
                if event.get("sessionId") == self.session
                and event.get("method") == "Network.requestWillBeSent"]
