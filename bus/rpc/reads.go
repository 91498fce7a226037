package rpc

import (
	"slices"
	"strings"
)

// readers begin the names of commands that only read, and others are named as those but
// do more.
var (
	readers = []string{
		"analyze", "decode", "derive", "estimate", "get", "help", "list", "rest_", "rpc.discover", "test", "uptime", "validate", "verify", "waitfor",
	}
	others = []string{"getblockfrompeer", "getnewaddress", "getrawchangeaddress"}
)

// OnlyReads reports whether a command changes nothing, so that it may be asked again
// when nobody knows whether it was carried out, and given up when nobody waits for its
// answer. It is told here and not in the tables that parts announce: see FileUse.
func OnlyReads(command string) bool {
	return !slices.Contains(others, command) && slices.ContainsFunc(readers, func(start string) bool { return strings.HasPrefix(command, start) })
}
