package cli

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

func versionText(cfg Config) string {
	return fmt.Sprintf("%s RPC client version %s\n", cfg.Name, cfg.Version)
}

func helpText(cfg Config) string {
	return versionText(cfg) + `
Sends a command to a node by JSON-RPC and prints what it answers.

Usage: bulkhead-cli [options] <command> [arguments]
       bulkhead-cli [options] -named <command> [<name>=<value>]...
       bulkhead-cli [options] help [<command>]
       bulkhead-cli [options] -getinfo|-netinfo|-addrinfo|-generate [arguments]
       bulkhead cli ...    does the same

"help" has the node list its commands, and "help <command>" explain one. Options stand
before the command, and may also be set in the node's bitcoin.conf.

` + config.ListOptions(options(), config.General, config.Chain, instead)
}
