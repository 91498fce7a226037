// Package rpc is how a part offers JSON-RPC methods: a table of commands,
// each with its parameters, help and handler, announced over the bus. The
// gateway finds them there; it knows none by itself. The same table makes the help, the
// OpenRPC document (a Param's Form and Inner, a Command's Returns) and, in the client,
// JSON of the words of a command line. What a command returns is described by its Go
// type, and where that does not tell, not at all.
//
// Texts and codes of errors about parameters are those of Bitcoin Core
// (src/rpc/util.cpp, src/rpc/protocol.h), because clients compare them.
//
// On the bus, the command NAME is the method "rpc.NAME" with the JSON of the
// parameters and of the result as attachments. The table itself travels as
// metadata under MetaName.
package rpc
