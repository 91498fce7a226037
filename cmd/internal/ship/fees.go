package ship

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/internal/durable"
	"github.com/bulkheadnode/bulkhead/node/fees"
)

const (
	// feesInterval is how often what the node knows of fee rates is written out.
	feesInterval = time.Hour
	// feesTick is how often it is looked whether that is due.
	feesTick = time.Minute
	// feesPatience is how long the node may take to tell.
	feesPatience = 10 * time.Second
)

// feeFiles writes the files of fee estimates. The node may open what is there when it
// starts, and this folder may come and go.
type feeFiles struct {
	dir string // the chain's folder
	ask func(ctx context.Context, last bool) (msg.FeeEstimatesReply, error)
	log *slog.Logger

	mu  sync.Mutex // guards the rest, and the files
	due time.Time
}

// newFeeFiles returns nil with -blocksonly, when the node learns nothing of fees.
func (s *ship) newFeeFiles() *feeFiles {
	if s.parts.node.BlocksOnly {
		return nil
	}
	return &feeFiles{
		dir: s.cfg.Layout.Net, log: s.logger, due: time.Now().Add(feesInterval),
		ask: func(ctx context.Context, last bool) (msg.FeeEstimatesReply, error) {
			return msg.FeeEstimates.Call(ctx, s.conn.Load(), msg.FeeEstimatesRequest{Last: last})
		},
	}
}

// run writes the files every feesInterval until ctx ends.
func (f *feeFiles) run(ctx context.Context) {
	if f == nil {
		return
	}
	ticker := time.NewTicker(feesTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.skip(ctx, 0)
		}
	}
}

// skip moves the time at which the files are to be written nearer, and writes them if it
// has come.
func (f *feeFiles) skip(ctx context.Context, by time.Duration) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.due = f.due.Add(-by)
	if now := time.Now(); !now.Before(f.due) {
		f.due = now.Add(feesInterval)
		f.save(ctx, false)
	}
}

// last writes the files of a node that is going to end.
func (f *feeFiles) last() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.save(context.Background(), true)
}

// save does without what cannot be had or written. The lock is held.
func (f *feeFiles) save(ctx context.Context, last bool) {
	ctx, cancel := context.WithTimeout(ctx, feesPatience)
	defer cancel()
	reply, err := f.ask(ctx, last)
	if err == nil {
		err = checkFees(reply)
	}
	if err != nil {
		f.log.Info(fmt.Sprintf("Failed to get fee estimates: %v. Continue anyway.", err))
		return
	}
	policy, window := fees.PolicyPath(f.dir), fees.WindowPath(f.dir)
	if dir := filepath.Dir(policy); os.MkdirAll(dir, 0o700) != nil {
		f.log.Warn(fmt.Sprintf("Failed to create fee estimates directory %s. Continue anyway.", dir))
		return
	}
	f.write(policy, reply.Attached[0], fmt.Sprintf("Flushed fee estimates to %s.", policy))
	f.write(window, reply.Attached[1], fmt.Sprintf("%s: mined-block stats flushed to %s.", fees.Mempool, window))
}

func (f *feeFiles) write(path string, content []byte, done string) {
	if err := durable.Replace(path, content, 0o600); err != nil {
		f.log.Warn(fmt.Sprintf("Failed to write fee estimates to %s: %v. Continue anyway.", path, err))
		return
	}
	f.log.With("cat", "estimatefee").Debug(done)
}

// checkFees refuses what no node in its right mind tells.
func checkFees(reply msg.FeeEstimatesReply) error {
	if len(reply.Attached) != 2 {
		return bus.Errorf(bus.KindBadMessage, "%d files of fee estimates", len(reply.Attached))
	}
	for _, content := range reply.Attached {
		if len(content) > msg.MaxFeeEstimates {
			return bus.Errorf(bus.KindBadMessage, "a file of %d bytes of fee estimates", len(content))
		}
	}
	return nil
}
