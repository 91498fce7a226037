package ship

import (
	"context"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// maxCommands bounds the commands of -blocknotify that run at a time: of one that does
// not end no more are started.
const maxCommands = 64

// blockNotify runs -blocknotify for every block that joins the chain, with its hash for
// %s. In the initial download none is run.
func (s *ship) blockNotify(ctx context.Context, conn *bus.Conn) error {
	command := s.cfg.Settings.Text("blocknotify", "")
	if command == "" {
		return nil
	}
	running := make(chan struct{}, maxCommands)
	l := bus.NewListener()
	l.OnGap(func(lost uint64) error {
		s.logger.Warn(fmt.Sprintf("-blocknotify: %d changes of the chain were missed", lost))
		return nil
	})
	msg.TipChanged.On(l, func(e p2p.TipChangedEvent, _ bus.Meta) error {
		for _, header := range e.Attached {
			if len(header) != wire.MaxBlockHeaderPayload {
				return fmt.Errorf("a header of %d bytes", len(header))
			}
			select {
			case running <- struct{}{}:
			default:
				s.logger.Warn(fmt.Sprintf("-blocknotify: %d commands are running, and none is run for another block", maxCommands))
				continue
			}
			hash := chainhash.DoubleHashH(header)
			s.notify(ctx, strings.ReplaceAll(command, "%s", hash.String()), func() { <-running })
		}
		return nil
	})
	return s.follow(ctx, conn, l, "-blocknotify: ")
}
