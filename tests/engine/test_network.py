"""No network: the guard refuses, and a whole retouch opens no socket at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]

GUARDED = """
import json, socket
from engine import network
heard = []
network.listen(lambda: heard.append(1))
network.guard()
def tried(do):
    try:
        do()
    except ConnectionRefusedError as error:
        return str(error)
    return "done"
server = socket.create_server(("127.0.0.1", 0))
pair = socket.socketpair()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(json.dumps({
    "connect": tried(lambda: socket.create_connection(("192.0.2.1", 80), 1)),
    "connect6": tried(lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80))),
    "name": tried(lambda: socket.getaddrinfo("example.invalid", 443)),
    "like here": tried(lambda: socket.getaddrinfo("localhost.example.invalid", 443)),
    "like a number": tried(lambda: socket.getaddrinfo("127.example.invalid", 443)),
    "send": tried(lambda: udp.sendto(b"x", ("192.0.2.1", 53))),
    "bind": tried(lambda: socket.socket().bind(("0.0.0.0", 0))),
    "here": tried(lambda: socket.create_connection(server.getsockname()).close()),
    "pair": tried(lambda: pair[0].sendall(b"x")),
    "refused": network.refused, "heard": len(heard),
}))
"""

WATCHED = """
import os, sys, threading, time
opened = []
def hook(event, arguments):
    if event.startswith("socket."):
        opened.append((event, str(arguments)))
sys.addaudithook(hook)
native, end = set(), threading.Event()
def look():
    while not end.is_set():
        for fd in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{fd}")
            except OSError:
                continue
            if target.startswith("socket:"):
                native.add(target[8:-1])
        time.sleep(0.01)
if os.path.isdir("/proc/self/fd"):
    threading.Thread(target=look, daemon=True).start()
from app.main import cli
try:
    cli(sys.argv[1:])
except SystemExit as ended:
    print("code", ended.code)
end.set()
inet = set()
for table in ("tcp", "tcp6", "udp", "udp6"):
    if os.path.exists(f"/proc/self/net/{table}"):
        inet |= {line.split()[9] for line in open(f"/proc/self/net/{table}").readlines()[1:]}
print("python", opened)
print("native", sorted(native & inet))
"""


def _run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240, check=False)


def test_guard_refuses_the_network_and_leaves_this_machine_alone() -> None:
    done = _run(GUARDED)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    asked = ("connect", "connect6", "name", "like here", "like a number", "send", "bind")
    assert {found[each] for each in asked} == {"Porelight uses no network."}
    assert (found["here"], found["pair"]) == ("done", "done")
    assert len(found["refused"]) == found["heard"] == len(asked)
    assert "192.0.2" not in str(found["refused"])


def test_retouching_and_exporting_a_portrait_opens_no_socket(portraits: Path, tmp_path: Path) -> None:
    photo = min((portraits / "train" / "london").glob("*.jpg"), key=lambda each: each.stat().st_size)
    done = _run(WATCHED, "retouch", str(photo), "--out", str(tmp_path / "out"))
    lines = done.stdout.splitlines()
    assert "code 0" in lines, done.stdout + done.stderr
    assert list((tmp_path / "out").iterdir())
    assert "python []" in lines
    assert "native []" in lines
