package node

import (
	"context"
	"math"
	"math/big"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chain"
)

// tip describes the state of the chain for the bus.
func (n *node) tip() msg.Tip {
	view := n.engine.View()
	tip := view.Tip()
	return msg.Tip{
		Height: tip.Height, Hash: tip.Hash, Time: tip.Time,
		HeaderHeight: view.BestHeader.Height, HeaderHash: view.BestHeader.Hash,
		Initial: view.Initial, EventSeq: n.out.last(), MinFeeRate: int64(n.pool.MinRate(n.now())),
		Lost: n.lost.Load(), Partial: n.engine.History() != nil,
	}
}

// tipWatch lets calls wait for a new tip.
type tipWatch struct {
	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	height  int32
}

func newTipWatch() *tipWatch { return &tipWatch{changed: make(chan struct{})} }

// set wakes whoever waits.
func (t *tipWatch) set(height int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.height = height
	close(t.changed)
	t.changed = make(chan struct{})
}

// next returns a channel that is closed at the next change.
func (t *tipWatch) next() (height int32, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.height, t.changed
}

// awaitStop returns when the chain has reached a height; never for zero.
func (t *tipWatch) awaitStop(ctx context.Context, height int32) error {
	for {
		at, changed := t.next()
		if height > 0 && at >= height {
			return ErrStopHeight
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// isoTime formats Unix seconds as the log does.
func isoTime(seconds int64) string { return time.Unix(seconds, 0).UTC().Format("2006-01-02T15:04:05Z") }

// txRate is what is known of a chain's transactions at the time of the
// release: their number at a time, and how many come a second.
type txRate struct {
	time, count int64
	rate        float64
}

func (c *Config) knownRate() txRate {
	switch c.Chain {
	case "main":
		return txRate{1772055173, 1315805869, 5.40111006496122}
	case "test":
		return txRate{1772051651, 536108416, 0.02691479016257117}
	case "testnet4":
		return txRate{1772013387, 14191421, 0.01848579579528412}
	case "signet":
		if c.SignetChallenge != "" {
			return txRate{} // nothing is known of others
		}
		return txRate{1772055248, 28676833, 0.06736623436338929}
	case "regtest":
		return txRate{0, 0, 0.001}
	}
	return txRate{}
}

// progress estimates which part of all transactions is verified at a block.
func (n *node) progress(at *chain.Node) float64 {
	return n.cfg.knownRate().progress(n.engine.Info(at).ChainTx, at.Time, n.now())
}

// progress is that of a chain of count transactions up to a time.
func (r txRate) progress(count, time, now int64) float64 {
	if count == 0 {
		return 0
	}
	total := float64(count) + float64(now-time)*r.rate
	if count <= r.count {
		total = float64(r.count) + float64(now-r.time)*r.rate
	}
	return math.Min(float64(count)/total, 1)
}

// log2Work returns the logarithm of a branch's work.
func log2Work(at *chain.Node) float64 {
	work, _ := new(big.Float).SetInt(at.Work.Big()).Float64()
	return math.Log2(work)
}
