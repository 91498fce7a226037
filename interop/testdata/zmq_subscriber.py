"""Writes what the node publishes, a line for each message: topic and body in hex.

Hashes are published in the order in which they are shown.
"""
import json
import struct
import sys

import zmq

told = json.loads(sys.argv[1])
socket = zmq.Context().socket(zmq.SUB)
socket.connect(told["ZMQ"])
for topic in "hashblock", "hashtx", "rawblock", "rawtx", "sequence":
    socket.setsockopt_string(zmq.SUBSCRIBE, topic)
last = {}
while True:
    topic, body, sequence = socket.recv_multipart()
    number, = struct.unpack("<I", sequence)
    assert number == (last.get(topic, number - 1) + 1) % 2**32, (topic, number, last)
    last[topic] = number
    print(topic.decode(), body.hex(), flush=True)
