"""A libzmq peer for the interoperability tests.

usage: peer.py JSON, with endpoint, role, keys as hexadecimal text.
Writes one line of JSON for each thing that the test waits for.
"""
import hashlib
import json
import sys

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

cfg = json.loads(sys.argv[1])


def say(**what):
    print(json.dumps(what), flush=True)


def key(name):
    return z85.encode(bytes.fromhex(cfg[name]))


def digest(parts):
    return [hashlib.sha256(p).hexdigest() for p in parts]


ctx = zmq.Context()
sock = ctx.socket(zmq.ROUTER if cfg["role"] == "server" else zmq.DEALER)
sock.linger = 0
sock.rcvtimeo = sock.sndtimeo = 30000
monitor = sock.get_monitor_socket(
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_DISCONNECTED
)
if cfg.get("heartbeat"):
    sock.setsockopt(zmq.HEARTBEAT_IVL, cfg["heartbeat"])
    sock.setsockopt(zmq.HEARTBEAT_TIMEOUT, 20 * cfg["heartbeat"])
if cfg.get("identity"):
    sock.setsockopt(zmq.IDENTITY, cfg["identity"].encode())
if "secret" in cfg:
    sock.curve_secretkey = key("secret")
    sock.curve_publickey = key("public")
if cfg["role"] == "server":
    if "secret" in cfg:
        sock.curve_server = True
    port = sock.bind_to_random_port("tcp://127.0.0.1")
    say(port=port)
else:
    if "server" in cfg:
        sock.curve_serverkey = key("server")
    sock.connect(cfg["endpoint"])

if cfg["do"] == "handshake":
    seen = recv_monitor_message(monitor)
    say(event=zmq.Event(seen["event"]).name, value=seen["value"])
elif cfg["do"] == "echo":
    while True:
        parts = sock.recv_multipart()
        sock.send_multipart(parts)
        if parts[-1] == b"end":
            sys.stdin.read()
            break
elif cfg["do"] == "record":
    sock.send_multipart([b"head", b"x1"])
    sys.stdin.read()
elif cfg["do"] == "ask":
    sizes = cfg["sizes"]
    for size in sizes:
        parts = [b"head", bytes([size % 251]) * size, b"", b"tail"]
        sock.send_multipart(parts)
        back = sock.recv_multipart()
        say(size=size, same=digest(parts) == digest(back))
    sys.stdin.readline()
    sock.send_multipart([b"after"])
    say(after=sock.recv_multipart() == [b"after"])
    broken = 0
    while monitor.poll(0):
        seen = recv_monitor_message(monitor)
        broken += seen["event"] != zmq.EVENT_HANDSHAKE_SUCCEEDED
    say(broken=broken)
