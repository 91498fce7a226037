package ship

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// statusInterval is how often a service manager hears of the chain at most.
const statusInterval = time.Second

// tellManager tells a service manager about the node (sd_notify(3)), if one asked for it.
func tellManager(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("Telling the service manager " + state + ": " + err.Error())
	}
}

// serveManager shows the service manager where the chain is and, if it watches, that the
// node is alive.
func (s *ship) serveManager(ctx context.Context, conn *bus.Conn) error {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil
	}
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("the service manager's watchdog: %w", err)
	}
	if interval > 0 {
		s.notifying.Go(func() { s.proveLife(ctx, conn, interval/2) })
	}
	tips := make(chan p2p.Tip, 1)
	l := bus.NewListener()
	msg.TipChanged.On(l, func(e p2p.TipChangedEvent, _ bus.Meta) error {
		select {
		case <-tips: // an older one
		default:
		}
		tips <- e.Tip
		return nil
	})
	if err := s.follow(ctx, conn, l, "telling the service manager: "); err != nil {
		return err
	}
	s.notifying.Go(func() { s.showTips(ctx, tips) })
	return nil
}

// proveLife lets the service manager know, as long as a call goes through broker and
// supervisor. Compartments that hang are the watchdog's of our own.
func (s *ship) proveLife(ctx context.Context, conn *bus.Conn, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		call, cancel := context.WithTimeout(ctx, every)
		if _, err := msg.Registry.Call(call, conn, bus.None{}); err == nil {
			tellManager(s.logger, daemon.SdNotifyWatchdog)
		}
		cancel()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *ship) showTips(ctx context.Context, tips <-chan p2p.Tip) {
	ticker := time.NewTicker(statusInterval)
	defer ticker.Stop()
	for {
		select {
		case tip := <-tips:
			tellManager(s.logger, "STATUS="+describeTip(tip))
		case <-ctx.Done():
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func describeTip(tip p2p.Tip) string {
	if tip.Initial && tip.HeaderHeight > tip.Height {
		return fmt.Sprintf("Downloading blocks: %d of %d (%d %%)", tip.Height, tip.HeaderHeight, int64(tip.Height)*100/int64(tip.HeaderHeight))
	}
	return fmt.Sprintf("At block %d", tip.Height)
}
