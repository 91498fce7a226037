package rpc

import (
	"context"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// echoCommand is for tests of clients: the gateway answers echo itself, and this goes
// to another process and back.
func (n maintenance) echoCommand() rpc.Command {
	return rpc.Command{
		Name: "echoipc", Returns: "", Category: "hidden",
		Summary: "Echo back the input argument, passing it through another process.\nThis command is for testing.",
		Params:  []rpc.Param{{Name: "arg", Type: rpc.String, Word: rpc.Free, Help: "The string to echo"}},
		Result:  `"str"    (string) The echoed string.`,
		Run:     func(_ context.Context, call *rpc.Call) (any, error) { return call.Text(0, "") },
	}
}

// signersCommand says that there is no support for signers that are programs of others:
// the processes may start none.
func (n addresses) signersCommand() rpc.Command {
	return rpc.Command{
		Name: "enumeratesigners", Category: "Signer",
		Summary: "Returns a list of external signers from -signer. They are not supported: no process may start a program.",
		Run: func(context.Context, *rpc.Call) (any, error) {
			return nil, rpc.Errorf(rpc.MiscError, "Compiled without external signing support (required for external signing)")
		},
	}
}
