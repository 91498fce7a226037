package transport

// Other is the name under which the bytes of unknown message types are counted.
const Other = "*other*"

// MaxTypeLength is the size of the type field in a v1 header, in bytes.
const MaxTypeLength = 12

// knownTypes are the message types that are counted by name. The position is
// the index of the type's counter.
var knownTypes = [...]string{
	"version", "verack", "addr", "addrv2", "sendaddrv2", "inv", "getdata",
	"merkleblock", "getblocks", "getheaders", "tx", "headers", "block",
	"getaddr", "mempool", "ping", "pong", "notfound", "filterload",
	"filteradd", "filterclear", "sendheaders", "feefilter", "sendcmpct",
	"cmpctblock", "getblocktxn", "blocktxn", "getcfilters", "cfilter",
	"getcfheaders", "cfheaders", "getcfcheckpt", "cfcheckpt", "feature",
	"wtxidrelay", "sendtxrcncl",
}

// otherIndex is the counter of every type not in knownTypes.
const otherIndex = len(knownTypes)

// typeIndex maps a type to its counter. It is written once, below, and only
// read afterwards.
var typeIndex = func() map[string]int {
	m := make(map[string]int, len(knownTypes))
	for i, name := range knownTypes {
		m[name] = i
	}
	return m
}()

func indexOf(messageType string) int {
	if i, ok := typeIndex[messageType]; ok {
		return i
	}
	return otherIndex
}

// internType returns the shared string for a known type, so that reading a
// message does not allocate its name.
func internType(raw []byte) string {
	if i, ok := typeIndex[string(raw)]; ok {
		return knownTypes[i]
	}
	return string(raw)
}
