// Package zmtp is the wire format of ZMTP 3 (ZeroMQ RFC 23, and RFC 37 for the
// heartbeats of 3.1): a frame's head, the body of a command, PING and PONG, the
// layout of the greeting.
//
// Everything after the greeting is frames. A frame is a head of 2 or 9 bytes and
// a body: flags, the body's size in 1 byte or in 8 of network byte order, the
// body. A message is one frame or several, all but the last with the flag More.
// A command is one frame with the flag Command, whose body is a name and data.
//
// The package works on bytes in memory. It knows no limit but those of the
// format: a size is what a peer claims, and who reads holds it against a limit of
// its own, with LimitError, before taking memory for it. Reading and writing
// heads takes no memory.
//
// Handshakes are not here: package null, below, performs that of mechanism NULL,
// bus/secure that of CURVE.
package zmtp
