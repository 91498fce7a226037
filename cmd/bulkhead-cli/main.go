// Bulkhead-cli sends commands to a node, as "bulkhead cli" does; bulkhead-cli -h lists
// its options.
package main

import (
	"os"

	"github.com/bulkheadnode/bulkhead/cmd/internal/cli"
	"github.com/bulkheadnode/bulkhead/cmd/internal/ship"
	"github.com/bulkheadnode/bulkhead/cmd/internal/version"
)

func main() { os.Exit(cli.Main(ship.Name, version.Text(), os.Args[1:], ship.Commands())) }
