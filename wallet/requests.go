package wallet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/wallet/follow"
)

// request carries out one request. Its error ends the process.
func (w *wallet) request(ctx context.Context, effect follow.Effect) error {
	switch e := effect.(type) {
	case follow.Wait:
		clock.Sleep(ctx, retryPause) // a new node cuts it short
		return w.take(follow.Retry{})
	case follow.Watch:
		return w.end(e.Request, w.watch(ctx, e.Scripts), follow.Watched{Request: e.Request})
	case follow.Scan:
		return w.scan(ctx, e)
	case follow.List:
		return w.list(ctx, e)
	case follow.Send:
		return w.resend(ctx, e)
	}
	return fmt.Errorf("unknown request %T", effect)
}

// end takes in how a request has ended.
func (w *wallet) end(request uint64, err error, done follow.Input) error {
	if err != nil {
		return w.take(follow.Failed{Request: request, Reason: err.Error(), Forgotten: isKind(err, msg.KindNotWatching)})
	}
	return w.take(done)
}

func (w *wallet) watch(ctx context.Context, scripts [][]byte) error {
	for len(scripts) > 0 {
		n, size := 0, 0
		for n < len(scripts) && n < msg.MaxWatchScripts && size+len(scripts[n]) <= msg.MaxWatchBytes {
			size += len(scripts[n])
			n++
		}
		if n == 0 {
			return fmt.Errorf("script of %d bytes", len(scripts[0]))
		}
		if _, err := msg.WatchScripts.Call(ctx, w.node.conn, msg.WatchRequest{Scripts: scripts[:n]}); err != nil {
			return err
		}
		scripts = scripts[n:]
	}
	return nil
}

func (w *wallet) scan(ctx context.Context, e follow.Scan) error {
	items, err := msg.ScanBlocks.Open(ctx, w.node.conn, msg.ScanRequest{Locator: e.Locator}, itemWindow)
	if err != nil {
		return w.end(e.Request, err, nil)
	}
	return w.read(e.Request, items.Close, follow.ScanEnded{Request: e.Request}, func() (follow.Input, error) {
		item, err := items.Next(ctx)
		if err != nil {
			return nil, err
		}
		txs, err := parseTxs(item.Attached)
		return follow.Scanned{
			Request: e.Request, Hash: item.Hash, Height: item.Height, Time: item.Time, Indexes: item.Indexes, Txs: txs,
			Partial: item.Partial, TipHeight: item.TipHeight,
		}, err
	})
}

func (w *wallet) list(ctx context.Context, e follow.List) error {
	items, err := msg.WatchedMempool.Open(ctx, w.node.conn, bus.None{}, itemWindow)
	if err != nil {
		return w.end(e.Request, err, nil)
	}
	return w.read(e.Request, items.Close, follow.ListEnded(e), func() (follow.Input, error) {
		item, err := items.Next(ctx)
		if err != nil {
			return nil, err
		}
		txs, err := parseTxs(item.Attached)
		return follow.Listed{Request: e.Request, Seq: item.Seq, Txs: txs}, err
	})
}

// read takes in the items of a stream and its end.
func (w *wallet) read(request uint64, closeStream func(), done follow.Input, next func() (follow.Input, error)) error {
	defer closeStream()
	for {
		in, err := next()
		switch {
		case errors.Is(err, io.EOF):
			return w.take(done)
		case err != nil:
			return w.end(request, err, nil)
		}
		if err := w.take(in); err != nil {
			return err
		}
	}
}

func (w *wallet) resend(ctx context.Context, e follow.Send) error {
	err := w.broadcast(ctx, e.Tx)
	if refused := refusal(err); refused != nil {
		return w.take(follow.Sent{Request: e.Request, Refusal: refused.Text})
	}
	return w.end(e.Request, err, follow.Sent{Request: e.Request})
}

// refusal returns the node's error if it does not accept a transaction.
func refusal(err error) *bus.Error {
	var refused *bus.Error
	if isKind(err, msg.KindTxRejected) && errors.As(err, &refused) {
		return refused
	}
	return nil
}

func isKind(err error, kind bus.Kind) bool {
	var e *bus.Error
	return errors.As(err, &e) && e.Kind == kind
}

func (w *wallet) broadcast(ctx context.Context, tx *wire.MsgTx) error {
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		return err
	}
	_, err := msg.BroadcastTx.Call(ctx, w.node.conn, msg.BroadcastRequest{Frames: bus.Frames{Attached: [][]byte{raw.Bytes()}}})
	return err
}

// parseTxs reads transactions that the node sent.
func parseTxs(raw [][]byte) ([]*wire.MsgTx, error) {
	txs := make([]*wire.MsgTx, len(raw))
	for i := range raw {
		txs[i] = &wire.MsgTx{}
		if err := txs[i].Deserialize(bytes.NewReader(raw[i])); err != nil {
			return nil, fmt.Errorf("transaction from the node: %w", err)
		}
	}
	return txs, nil
}
