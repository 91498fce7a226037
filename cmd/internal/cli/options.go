package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// instead is the category of the options that stand for a command.
const instead config.Category = "Options instead of a command:"

// modes are those options. One may be given.
var modes = []string{"addrinfo", "generate", "getinfo", "netinfo"}

// options are all settings of the client, by name. Others in bitcoin.conf are the
// node's.
func options() map[string]config.Option {
	return config.ByName(config.ChainOptions(), generalOptions(), modeOptions(), acceptedOptions())
}

func generalOptions() []config.Option {
	return []config.Option{
		{Name: "help", Category: config.General, Help: "Show this text and end (also -h, -?)"},
		{Name: "h"}, {Name: "?"}, {Name: "help-debug"},
		{Name: "version", Category: config.General, Help: "Show the version and end"},
		{Name: "color", Category: config.General, Param: "=<when>", Affirmative: true, Help: "Whether -getinfo is coloured: always, never, or auto, on a terminal (default: auto)"},
		{Name: "completion", Category: config.General, Param: "=<shell>", Help: "Print a script by which bash, zsh or fish completes options, commands and names of parameters, and end"},
		{Name: "conf", Category: config.General, Param: "=<file>", Help: "The configuration file, relative to the data directory (default: bitcoin.conf)"},
		{Name: "datadir", Category: config.General, Param: "=<dir>", Affirmative: true, Help: "The data directory of the node (default: ~/.bulkhead)"},
		{Name: "includeconf"},
		{Name: "named", Category: config.General, Help: "Read arguments of the form <name>=<value> as named parameters (default: 0)"},
		{Name: "rpcclienttimeout", Category: config.General, Param: "=<n>", Help: "Seconds that a request may take, 0 for any time (default: 900)"},
		{Name: "rpcconnect", Category: config.General, Param: "=<host>[:<port>]|unix:<path>", Help: "Where the node is. The path of a unix socket is relative to the chain's folder (default: 127.0.0.1)"},
		{Name: "rpccookiefile", Category: config.General, Param: "=<loc>", Help: "The cookie file, relative to the chain's folder (default: .cookie)"},
		{Name: "rpcid", Category: config.General, Param: "=<id>", Affirmative: true, Valued: true, Help: "The id of the request, which the node's log shows (default: 1)"},
		{Name: "rpcpassword", Category: config.General, Param: "=<pw>", Secret: true, Help: "Password, if not that of the cookie file. Others on this machine may see it in the list of processes: see -stdinrpcpass"},
		{Name: "rpcport", Category: config.General, Param: "=<port>", PerChain: true, Help: "Port of the node (default: " + config.PortsOf(func(c chains.Chain) int { return c.RPCPort }) + ")"},
		{Name: "rpcuser", Category: config.General, Param: "=<user>", Help: "User name for -rpcpassword"},
		{Name: "rpcwait", Category: config.General, Help: "Wait for the node to start"},
		{Name: "rpcwaittimeout", Category: config.General, Param: "=<n>", Affirmative: true, Help: "Seconds that -rpcwait waits, 0 for any time (default: 0)"},
		{Name: "rpcwallet", Category: config.General, Param: "=<name>", Help: "Send the command to this wallet"},
		{Name: "stdin", Category: config.General, Help: "Read more arguments from standard input, one a line: they are not seen in the list of processes"},
		{Name: "stdinrpcpass", Category: config.General, Help: "Read the RPC password from standard input, its first line"},
		{Name: "stdinwalletpassphrase", Category: config.General, Help: "Read the passphrase of a wallet from standard input, the line behind that of -stdinrpcpass"},
	}
}

func modeOptions() []config.Option {
	return []config.Option{
		{Name: "addrinfo", Category: instead, Help: "How many addresses of peers the node knows, for each network and in all"},
		{Name: "generate", Category: instead, Help: "Mine blocks to a new address of the wallet. Arguments: how many (default: 1), and how many hashes to try for each (default: 1000000)"},
		{Name: "getinfo", Category: instead, Help: "Show what there is to know of node and wallet. It takes several requests, between which things may change"},
		{Name: "netinfo", Category: instead, Help: fmt.Sprintf("Show the connections to peers. Arguments: how much, from 0 to %d (default: 0), and \"outonly\" (or \"o\") to list outbound ones only; or \"help\" (or \"h\") to have all of it explained", maxLevel)},
	}
}

// acceptedOptions are those of Bitcoin Core's client that the help does not show.
func acceptedOptions() []config.Option {
	return []config.Option{
		{Name: "ipcconnect"}, // see checkIPC
		{Name: "signetseednode"}, {Name: "testactivationheight"}, {Name: "vbparams"},
	}
}

// checkModes refuses more than one of the options that stand for a command.
func (c *client) checkModes() error {
	var given []string
	for _, name := range modes {
		if c.settings.Has(name) {
			given = append(given, "-"+name)
		}
	}
	if len(given) > 1 {
		return config.Complain("Only one of %s may be specified.", strings.Join(given, ", "))
	}
	return nil
}

// optionNames are the names that the help shows, in order.
func optionNames() []string {
	var names []string
	for name, o := range options() {
		if o.Category != "" {
			names = append(names, name)
		}
	}
	return slices.Sorted(slices.Values(names))
}
