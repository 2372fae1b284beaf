"""A headless Chromium that opens one file and says what became of it.

The page is copied with a probe at its head, which notes errors, and another at its foot, which uses
the page and writes what it found into the document. All traffic is sent to a proxy on this machine
that only takes notes: a page that needs nothing from outside leaves it idle.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
    "--disable-dev-shm-usage", "--virtual-time-budget=20000",
)  # fmt: skip

BROWSERS_OWN = (".google.com", ".googleapis.com", ".gvt1.com")
"""What the browser asks for by itself, whatever page it shows (the time, updates)."""

HEAD_PROBE = """<script>
window.found = { errors: [] };
window.addEventListener("error", (e) => found.errors.push("error: " + e.message), true);
window.addEventListener("unhandledrejection", (e) => found.errors.push("rejection: " + e.reason));
document.addEventListener("securitypolicyviolation", (e) => found.errors.push("policy: " + e.blockedURI));
for (const name of ["error", "warn"]) {
  const say = console[name];
  console[name] = (...words) => { found.errors.push(`console.${name}: ` + words.join(" ")); say(...words); };
}
</script>"""
FOOT_PROBE = """<script>
window.addEventListener("load", () => setTimeout(async () => {
  try { %s } catch (error) { found.errors.push("probe: " + error.stack); }
  found.fetched = performance.getEntriesByType("resource").map((e) => e.name);
  found.fetched = found.fetched.filter((name) => !name.startsWith("data:"));
  const report = document.createElement("pre");
  report.id = "report";
  report.textContent = JSON.stringify(found);
  document.body.append(report);
}, 500));
</script>"""


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass(frozen=True)
class Visit:
    """What a visit found: `found` as the probe left it, and the hosts that were asked for anything."""

    found: dict[str, Any]
    hosts: list[str]


def visit(page: Path, folder: Path, probe: str, size: str = "1400,1000") -> Visit:
    """Open a copy of `page` from `file://`, run the JavaScript `probe` (it fills `found`), and report."""
    text = page.read_text(encoding="utf-8")
    text = text.replace("<head>", "<head>" + HEAD_PROBE, 1)
    before, end, after = text.rpartition("</body>")
    copy = folder / "visited.html"
    copy.write_text(before + FOOT_PROBE % probe + end + after, encoding="utf-8")
    with _CountingProxy() as proxy:
        command = [
            str(find_chromium()), *SWITCHES, f"--window-size={size}", f"--user-data-dir={folder / 'profile'}",
            f"--proxy-server=http://127.0.0.1:{proxy.port}", "--proxy-bypass-list=<-loopback>",
            "--dump-dom", copy.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    document = done.stdout.decode("utf-8", "replace")
    report = re.search(r'<pre id="report">(.*?)</pre>', document, re.S)
    assert report, f"the page did not finish; the browser said {done.stderr.decode()[-2000:]}"
    hosts = [_host(request) for request in proxy.requests if request]
    return Visit(json.loads(html.unescape(report[1])), [h for h in hosts if not h.endswith(BROWSERS_OWN)])


def _host(request: bytes) -> str:
    """The host of "GET http://host/…" or "CONNECT host:443 …"."""
    words = request.decode("latin-1").split()
    target = words[1] if len(words) > 1 else "unknown"
    return target.removeprefix("http://").partition("/")[0].partition(":")[0]


class _CountingProxy:
    """Accepts connections, keeps their first bytes, and answers none."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> _CountingProxy:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    self.requests.append(connection.recv(200))
                except OSError:
                    self.requests.append(b"")
