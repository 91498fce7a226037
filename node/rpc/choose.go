package rpc

import (
	"context"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
)

func (n tipCommands) table() rpc.Table {
	return slices.Concat(n.chooseCommands(), n.waitCommands())
}

func (n tipCommands) chooseCommands() rpc.Table {
	command := func(name, summary, param string, change func(s *chainstate.State, hash chainhash.Hash) error) rpc.Command {
		return rpc.Command{
			Name: name, Returns: rpc.Null{}, Category: "hidden", Summary: summary, Result: "null", Params: []rpc.Param{blockHashParam(param)},
			Run: func(ctx context.Context, call *rpc.Call) (any, error) {
				at, err := n.block(call, 0)
				if err != nil {
					return nil, err
				}
				return nil, n.Owner.Do(ctx, func(s *chainstate.State) error {
					err := change(s, at.Hash)
					if err == nil {
						err = s.Activate()
					} else if s.Chain.Failed() != nil {
						_ = s.Vital(err)
					}
					return refusal(err, rpc.DatabaseError)
				})
			},
		}
	}
	precious := command("preciousblock", "Treats a block as if it were received before others with the same work.\n"+
		"A later preciousblock call can override the effect of an earlier one.\nThe effects of preciousblock are not retained across restarts.",
		"the hash of the block to mark as precious", func(s *chainstate.State, hash chainhash.Hash) error { return s.Chain.Precious(hash) })
	precious.Category = "Blockchain"
	return rpc.Table{
		command("invalidateblock", "Permanently marks a block as invalid, as if it violated a consensus rule.",
			"the hash of the block to mark as invalid", func(s *chainstate.State, hash chainhash.Hash) error { return s.Chain.Invalidate(hash, s.Now()) }),
		command("reconsiderblock", "Removes invalidity status of a block, its ancestors and its descendants, reconsider them for activation.\n"+
			"This can be used to undo the effects of invalidateblock.",
			"the hash of the block to reconsider", func(s *chainstate.State, hash chainhash.Hash) error { return s.Chain.Reconsider(hash) }),
		precious,
	}
}

func (n tipCommands) waitCommands() rpc.Table {
	timeout := rpc.Param{Name: "timeout", Type: rpc.Number, Optional: true, Default: "0", Help: "Time in milliseconds to wait for a response. 0 indicates no timeout."}
	return rpc.Table{
		{
			Name: "waitforblockheight", Returns: tipInfo{}, Category: "Blockchain", Params: []rpc.Param{{Name: "height", Type: rpc.Number, Help: "Block height to wait for."}, timeout},
			Summary: "Waits for (at least) block height and returns the height and hash of the current tip.",
			Run: func(ctx context.Context, call *rpc.Call) (any, error) {
				height, err := call.Int(0, 0)
				if err != nil {
					return nil, err
				}
				return n.awaitTip(ctx, call, 1, func() bool { return int(n.Tree.View().Height()) >= height })
			},
		},
		{
			Name: "waitforblock", Returns: tipInfo{}, Category: "Blockchain", Params: []rpc.Param{blockHashParam("Block hash to wait for."), timeout},
			Summary: "Waits for a specific new block and returns useful info about it.",
			Run: func(ctx context.Context, call *rpc.Call) (any, error) {
				hash, err := call.Hash(0)
				if err != nil {
					return nil, err
				}
				return n.awaitTip(ctx, call, 1, func() bool { return n.Tree.View().Tip().Hash == hash })
			},
		},
		{
			Name: "waitfornewblock", Returns: tipInfo{}, Category: "Blockchain",
			Params:  []rpc.Param{timeout, {Name: "current_tip", Type: rpc.String, Form: rpc.Hex, Optional: true, Help: "Method waits for the chain tip to differ from this."}},
			Summary: "Waits for any new block and returns useful info about it.",
			Run: func(ctx context.Context, call *rpc.Call) (any, error) {
				tip := n.Tree.View().Tip().Hash
				if call.Has(1) {
					var err error
					if tip, err = call.Hash(1); err != nil {
						return nil, err
					}
				}
				return n.awaitTip(ctx, call, 0, func() bool { return n.Tree.View().Tip().Hash != tip })
			},
		},
	}
}

type tipInfo struct {
	Hash   string `json:"hash"`
	Height int32  `json:"height"`
}

// awaitTip waits until done, at most the milliseconds of argument i, and shows
// the tip.
func (n tipCommands) awaitTip(ctx context.Context, call *rpc.Call, i int, done func() bool) (any, error) {
	millis, err := call.Int64(i, 0)
	if err != nil {
		return nil, err
	}
	if millis < 0 {
		return nil, rpc.Errorf(rpc.MiscError, "Negative timeout")
	}
	var limit <-chan time.Time
	if millis > 0 {
		timer := time.NewTimer(time.Duration(millis) * time.Millisecond)
		defer timer.Stop()
		limit = timer.C
	}
	for waiting := true; waiting; {
		_, changed := n.Tips.Next()
		if done() {
			break
		}
		select {
		case <-changed:
		case <-n.Tips.Ended(): // as Bitcoin Core does, the tip that there is
			waiting = false
		case <-limit:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
	}
	tip := n.Tree.View().Tip()
	return tipInfo{tip.Hash.String(), tip.Height}, nil
}
