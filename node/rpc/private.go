package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/privatebroadcast"
)

func (n privateCommands) table() rpc.Table {
	return rpc.Table{
		{
			Name: "getprivatebroadcastinfo", Returns: privateList{}, Category: "Rawtransactions", Run: n.info,
			Summary: "Returns the transactions that are being sent by connections of their own (-privatebroadcast), and to whom. One that may not be sent to any more peers is shown with attempts_remaining=0.",
		},
		{
			Name: "abortprivatebroadcast", Returns: privateRemoved{}, Category: "Rawtransactions", Run: n.abort,
			Summary: "Stops the sending of a transaction by connections of its own (-privatebroadcast). Who has it already may send it on.",
			Params:  []rpc.Param{{Name: "id", Type: rpc.String, Form: rpc.Hex, Help: "A txid or wtxid. There may be several transactions of one txid: all are meant."}},
		},
		MockScheduler(func() string { return n.Settings.Chain }, n.skip),
	}
}

// send has a transaction sent to all peers, or by connections of its own.
func (n *Node) send(ctx context.Context, tx *consensus.Tx, maxRate int64) error {
	if n.Private == nil {
		return n.Owner.Broadcast(ctx, tx, maxRate)
	}
	err := n.Private.SendPrivately(ctx, tx, maxRate)
	switch {
	case errors.Is(err, privatebroadcast.ErrNoWay):
		return rpc.Errorf(rpc.MiscError, "%s", err)
	case errors.Is(err, privatebroadcast.ErrFull):
		return rpc.Errorf(rpc.LimitExceeded, "Private broadcast queue is full")
	}
	return err
}

// errNotPrivate is in the words of Bitcoin Core, which its clients know.
var errNotPrivate = rpc.Errorf(rpc.MethodNotFound, "Private broadcast is not enabled. Ensure you're running Bitcoin Core with -privatebroadcast=1.")

type privateTx struct {
	TxID  string `json:"txid"`
	Wtxid string `json:"wtxid"`
	Hex   string `json:"hex"`
}

func newPrivateTx(tx *consensus.Tx) privateTx {
	return privateTx{tx.ID.String(), tx.WitnessID.String(), hex.EncodeToString(tx.Raw())}
}

type privateInfo struct {
	privateTx
	Added int64         `json:"time_added"`
	Left  int           `json:"attempts_remaining"`
	Peers []privateSent `json:"peers"`
}

type privateSent struct {
	Address  string `json:"address"`
	Sent     int64  `json:"sent"`
	Received *int64 `json:"received,omitempty"`
}

func newPrivateInfo(i privatebroadcast.Info) privateInfo {
	info := privateInfo{privateTx: newPrivateTx(i.Tx), Added: i.Since.Unix(), Left: i.Left, Peers: make([]privateSent, len(i.Sent))}
	for at, s := range i.Sent {
		info.Peers[at] = privateSent{Address: s.Address, Sent: s.At.Unix()}
		if !s.Confirmed.IsZero() {
			received := s.Confirmed.Unix()
			info.Peers[at].Received = &received
		}
	}
	return info
}

// privateList is what getprivatebroadcastinfo shows.
type privateList struct {
	Txs []privateInfo `json:"transactions"`
}

// privateRemoved is what abortprivatebroadcast shows.
type privateRemoved struct {
	Txs []privateTx `json:"removed_transactions"`
}

func (n privateCommands) info(context.Context, *rpc.Call) (any, error) {
	if n.Private == nil {
		return nil, errNotPrivate
	}
	infos := n.Private.Infos()
	txs := make([]privateInfo, len(infos))
	for i, info := range infos {
		txs[i] = newPrivateInfo(info)
	}
	return privateList{txs}, nil
}

func (n privateCommands) abort(_ context.Context, call *rpc.Call) (any, error) {
	if n.Private == nil {
		return nil, errNotPrivate
	}
	id, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	removed := n.Private.Abort(id)
	if len(removed) == 0 {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Transaction not in private broadcast queue. Check getprivatebroadcastinfo.")
	}
	txs := make([]privateTx, len(removed))
	for i, tx := range removed {
		txs[i] = newPrivateTx(tx)
	}
	return privateRemoved{txs}, nil
}

const (
	// maxSkip bounds mockscheduler.
	maxSkip = time.Hour
	// reannounced is after what time at the latest what no peer has asked for is told again.
	reannounced = 15 * time.Minute
)

// MockScheduler is the command that moves what is due by time forward, on a chain for
// regression tests. All parts that have such have it.
func MockScheduler(chain func() string, skip func(ctx context.Context, by time.Duration) error) rpc.Command {
	return rpc.Command{
		Name: "mockscheduler", Returns: rpc.Null{}, Category: "hidden", Result: "null", EveryPart: true,
		Summary: "Bump what is due by time forward (-regtest only): what no peer has asked for is told again, it is looked what was sent privately and did not come back, and fee estimates are written out.",
		Params:  []rpc.Param{{Name: "delta_time", Type: rpc.Number, Help: "Number of seconds to forward the scheduler into the future."}},
		Run: func(ctx context.Context, call *rpc.Call) (any, error) {
			if chain() != chains.Regtest {
				return nil, rpc.Errorf(rpc.MiscError, "mockscheduler is for regression testing (-regtest mode) only")
			}
			seconds, err := call.Int64(0, 0)
			if err != nil {
				return nil, err
			}
			if seconds <= 0 || seconds > int64(maxSkip/time.Second) {
				return nil, rpc.Errorf(rpc.MiscError, "delta_time must be between 1 and 3600 seconds (1 hr)")
			}
			return nil, skip(ctx, time.Duration(seconds)*time.Second)
		},
	}
}

func (n privateCommands) skip(ctx context.Context, by time.Duration) error {
	if n.Private != nil {
		n.Private.SkipPrivately(ctx, by)
	}
	if by >= reannounced {
		return n.Owner.Reannounce(ctx)
	}
	return nil
}
