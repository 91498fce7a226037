package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// closePatience is how long the supervisor may take to give a new file its name.
const closePatience = 30 * time.Second

// lend has the supervisor open the file that a command uses, for the part that serves it.
// What is returned is to be called with how the command ended, and returns that.
func (g *gateway) lend(ctx context.Context, r *request, call *rpc.Request) (giveBack func(error) error) {
	keep := func(err error) error { return err }
	path, given := rpc.Path(r.method, r.params)
	if rpc.FileUse(r.method) == 0 || !given {
		return keep
	}
	reply, err := msg.OpenFile.Call(ctx, g.conn, msg.OpenFileRequest{Command: r.method, Path: path})
	if err != nil {
		g.log.Debug(fmt.Sprintf("%s: %v", r.method, err))
		call.File = rpc.NoFile // the command has words for it
		return keep
	}
	if call.File = reply.Number; call.File == 0 {
		return keep
	}
	return func(failed error) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
		defer cancel()
		_, err := msg.CloseFile.Call(ctx, g.conn, msg.CloseFileRequest{Number: reply.Number, Keep: failed == nil})
		if failed == nil && err != nil {
			return rpc.Errorf(rpc.MiscError, "%v", err)
		}
		return failed
	}
}
