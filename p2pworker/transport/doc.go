// Package transport frames Bitcoin P2P messages over a connection.
//
// A Conn turns a net.Conn into a sequence of messages in and a bounded queue
// of messages out. It knows two framings, v1 with its headers and v2 with its
// encrypted packets (BIP324), the limits on them and the names that are counted;
// it does not know what a message means: unknown types pass through, and payloads
// are opaque bytes.
//
// # Which framing
//
// Without Config.V2 it is v1. With it, a connection that we made begins with our
// key, and one that was accepted is v1 if its first 16 bytes are how v1 begins. The
// handshake is made within the first Receive; messages that were sent before wait
// in the queue. If the peer of a connection that we made hangs up at our key,
// RefusesV2 says so, and it is the owner's to connect again. ElligatorSwift and
// the exchange of keys are btcd's, ChaCha20-Poly1305 is Go's.
//
// # Pace
//
// With Config.Gate, bytes pass as the gate admits them: writing and reading wait at
// it, Send and those who use what was read do not. SendFirst is for what may overtake
// messages that wait there, though not those of a handshake. A gate that is not Paced
// costs a look at a flag.
//
// # Guarantees
//
//   - A length is checked before its payload is allocated, and a large payload is
//     allocated in full only after its first part arrived: a few bytes from a
//     stranger never cost megabytes. That holds for garbage, decoys and the version
//     packet as well. How long a handshake may take is for the owner to bound.
//   - A v1 message with a wrong checksum and any message with a malformed type are
//     dropped and reported by a *FrameError with Fatal false: the connection goes
//     on, as with Bitcoin Core. All else that is wrong is fatal.
//   - Send never blocks. Beyond SendSoftLimit the Conn is Congested, and the
//     owner is expected to stop producing until Drained fires; beyond
//     SendHardLimit Send refuses.
//   - A packet is encrypted in the buffer that is written, if it fits, and decrypted
//     in the memory that its payload is handed over in. What is sent and larger
//     is copied once.
//   - All bytes on the wire are counted, those of whole messages also per type;
//     types outside the protocol's list are counted together as "*other*".
//
// # Ownership
//
// New starts nothing. Receive is called by one reader at a time; Run is the
// one writer and returns when its context ends, the connection fails or Close
// is called. The clock is a function handed in.
package transport
