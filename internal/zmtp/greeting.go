package zmtp

// The greeting, which either side sends first (RFC 23, "The Greeting"): a
// signature of 10 bytes, 0xff first and 0x7f last, the version in 2, the
// mechanism's name, whether the sender is the server, zeros. Places are counted
// in bytes from its beginning.
const (
	GreetingSize = 64
	MechanismAt  = 12 // 20 bytes, padded with zeros
	AsServerAt   = 32 // 1 byte, 0 or 1
)
