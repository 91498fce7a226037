// Package cli is the client of JSON-RPC for the command line: what bulkhead-cli and
// "bulkhead cli" do. Options, texts, output and exit codes are those of Bitcoin Core's
// client (src/bitcoin-cli.cpp, src/rpc/client.cpp), because scripts depend on them.
//
// Which words of a command line are JSON and which are strings follows from the tables
// of commands that the caller gives, so it is the same as in the node of this source.
// Numbers are carried through as they are written.
//
// One run is one command: Run makes one request (-getinfo and -generate a few), each
// with a deadline, and returns. Replies, and what comes from standard input, are
// bounded in size. Passwords are read without echo, and appear in no text.
//
// It is no library for programs: those talk to the node by HTTP or by the bus.
package cli
