package ship

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus/endpoint/keyring"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// BusHelp is the text of "bulkhead bus help".
const BusHelp = `Usage: bulkhead bus keygen [-datadir=<dir>] [-chain=<chain>] <role> [<name>]

Makes a key with which a part or a program on another machine may attach to
the bus of this node. The files are <role>[.<name>].key_secret and .key in the
folder "ipc" of the chain's data directory; none is ever overwritten. The node
accepts the key as long as the .key file is there, without a restart.

  <role>  worker   connects to peers, and downloads blocks through them
          wallet   runs one wallet: bulkhead wallet -wallet=<name>
          notify   publishes ZeroMQ notifications
          gateway  serves JSON-RPC, with all that it can do
          client   a program of yours: reads the chain and hears events
  <name>  tells several keys of one role apart: 1 to 64 letters, digits, "-"
          and "_"; the key of a wallet needs the wallet's name
`

// Keygen makes a key, and tells the user what to do with it.
func Keygen(layout *config.Layout, words []string, out io.Writer) error {
	if len(words) < 1 || len(words) > 2 {
		return config.Complain("bulkhead bus keygen wants a role and perhaps a name; see bulkhead bus help.")
	}
	name := ""
	if len(words) == 2 {
		name = words[1]
	}
	if err := os.MkdirAll(layout.Net, 0o700); err != nil {
		return err
	}
	role := rights.Role(words[0])
	pair, err := keyring.Create(layout.Keys, role, name, layout.Chain.Name)
	if err != nil {
		return err
	}
	fmt.Fprint(out, instructions(layout, role, name, pair))
	return nil
}

func instructions(layout *config.Layout, role rights.Role, name string, pair keyring.Pair) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Made %s (secret)\n and %s (public).\n\n", pair.Secret, pair.Public)
	secret := filepath.Base(pair.Secret)
	if slices.Contains(RemoteRoles(), role) {
		fmt.Fprintf(&b, "Copy the secret file, and no other, to the other machine, and run there:\n\n    bulkhead %s%s -ipcconnect=tcp://HOST:PORT -ipckey=%s%s\n\n",
			role, chainFlag(layout), secret, roleFlags(role, name))
	} else {
		fmt.Fprintf(&b, "Copy the secret file, and no other, to where the program runs. It holds the\nprogram's key and, as metadata, the public key of the broker.\n\n")
	}
	b.WriteString("The node must run with -ipcbind=tcp://HOST:PORT. It knows the key from now on;\ndeleting the public file takes that back.\n")
	return b.String()
}

func chainFlag(layout *config.Layout) string {
	if layout.Chain.Name == chains.Main {
		return ""
	}
	return " -chain=" + layout.Chain.Name
}

// roleFlags are those without which a part does nothing.
func roleFlags(role rights.Role, name string) string {
	switch role {
	case roles.Wallet:
		return " -wallet=" + name
	case roles.Notify:
		return " -zmqpubhashblock=tcp://127.0.0.1:28332"
	}
	return ""
}
