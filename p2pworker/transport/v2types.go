package transport

// shortTypes are the message types that one byte stands for: their position, from
// 1 (BIP324, "v2 Bitcoin P2P message structure"; 37 is BIP434's). 0 says that the
// type follows in twelve bytes.
var shortTypes = [...]string{
	1: "addr", 2: "block", 3: "blocktxn", 4: "cmpctblock", 5: "feefilter", 6: "filteradd", 7: "filterclear",
	8: "filterload", 9: "getblocks", 10: "getblocktxn", 11: "getdata", 12: "getheaders", 13: "headers", 14: "inv",
	15: "mempool", 16: "merkleblock", 17: "notfound", 18: "ping", 19: "pong", 20: "sendcmpct", 21: "tx",
	22: "getcfilters", 23: "cfilter", 24: "getcfheaders", 25: "cfheaders", 26: "getcfcheckpt", 27: "cfcheckpt",
	28: "addrv2", 37: "feature",
}

// shortIDs maps a type to its byte. It is written once, below, and only read
// afterwards.
var shortIDs = func() map[string]byte {
	m := make(map[string]byte)
	for id, name := range shortTypes {
		if name != "" {
			m[name] = byte(id)
		}
	}
	return m
}()

// longTypeSize is the size of a type that has no byte of its own.
const longTypeSize = 1 + MaxTypeLength

// typeSize is how many bytes of a packet's contents tell the type.
func typeSize(name string) int {
	if _, short := shortIDs[name]; short {
		return 1
	}
	return longTypeSize
}

func appendType(dst []byte, name string) []byte {
	if id, short := shortIDs[name]; short {
		return append(dst, id)
	}
	var long [longTypeSize]byte
	copy(long[1:], name)
	return append(dst, long[:]...)
}

// cutType splits the contents of a packet into the type and the payload. It is not
// ok if they name no type that there can be.
func cutType(contents []byte) (name string, payload []byte, ok bool) {
	if len(contents) == 0 {
		return "", nil, false
	}
	if id := int(contents[0]); id != 0 {
		if id >= len(shortTypes) || shortTypes[id] == "" {
			return "", nil, false
		}
		return shortTypes[id], contents[1:], true
	}
	if len(contents) < longTypeSize {
		return "", nil, false
	}
	name, ok = typeField(contents[1:longTypeSize])
	return name, contents[longTypeSize:], ok
}
