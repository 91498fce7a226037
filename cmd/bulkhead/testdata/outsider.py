"""A program of others on the bus, for the tests: libzmq with CURVE.

usage: outsider.py client ADDRESS KEYFILE    speaks to a node; a line of JSON on
                                             standard input is a call to make
       outsider.py broker KEYFILE            plays the broker for one part
Writes a line of JSON for each thing that the test waits for.
"""
import json
import re
import sys

import cbor2
import zmq
import zmq.auth

HELLO, WELCOME, CALL, REPLY, ERROR, EVENT, SUBSCRIBE = 1, 2, 3, 4, 5, 8, 9


def say(**what):
    print(json.dumps(what, default=lambda b: b.hex()), flush=True)


def header(kind, id=0, to=""):
    return cbor2.dumps({1: 1, 2: kind, 3: id, 4: to})


def plain(value):
    """Maps with their integer keys as text, as JSON has them."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def client(address, key_file):
    bus = zmq.Context().socket(zmq.DEALER)
    bus.curve_publickey, bus.curve_secretkey = zmq.auth.load_certificate(key_file)
    bus.curve_serverkey = re.search('broker = "(.+)"', open(key_file).read())[1].encode()
    bus.setsockopt(zmq.IDENTITY, b"outsider")
    bus.setsockopt(zmq.RCVTIMEO, 30000)
    bus.connect(address)
    bus.send_multipart([header(HELLO), cbor2.dumps({})])
    poller = zmq.Poller()
    poller.register(bus, zmq.POLLIN)
    poller.register(sys.stdin, zmq.POLLIN)
    while True:
        for ready, _ in poller.poll():
            if ready is bus:
                frames = bus.recv_multipart()
                head, body = cbor2.loads(frames[0]), cbor2.loads(frames[1])
                say(kind=head[2], id=head.get(3, 0), to=head.get(4, ""), fault=head.get(11, ""),
                    text=head.get(12, ""), body=plain(body), attached=[f.hex() for f in frames[2:]])
                continue
            line = sys.stdin.readline()
            if not line:
                return
            ask = json.loads(line)
            body = {int(k): bytes.fromhex(v) if ask.get("hex") else v for k, v in ask.get("body", {}).items()}
            bus.send_multipart([header(ask["kind"], ask["id"], ask.get("to", "")), cbor2.dumps(body)])


def broker(key_file):
    router = zmq.Context().socket(zmq.ROUTER)
    router.curve_publickey, router.curve_secretkey = zmq.auth.load_certificate(key_file)
    router.curve_server = True
    router.setsockopt(zmq.RCVTIMEO, 30000)
    say(port=router.bind_to_random_port("tcp://127.0.0.1"))
    peer, head, body = router.recv_multipart()
    head, body = cbor2.loads(head), cbor2.loads(body)
    say(peer=peer.decode(), kind=head[2], offers=body.get(1, []))
    router.send_multipart([peer, header(WELCOME, to="worker." + peer.decode()), cbor2.dumps({})])
    peer, head, body = router.recv_multipart()
    head = cbor2.loads(head)
    say(kind=head[2], to=head[4], deadline=head[5])
    tip = {1: 7, 2: bytes(range(32)), 3: 1231006505, 4: 9, 5: bytes(32), 6: True, 7: 3, 8: 1000}
    router.send_multipart([peer, header(REPLY, head[3]), cbor2.dumps(tip)])
    sys.stdin.read()


{"client": client, "broker": broker}[sys.argv[1]](*sys.argv[2:])
