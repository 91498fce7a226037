package ship

import (
	"context"
	"fmt"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// alertNotify runs -alertnotify for every warning of the node's, with its text for %s.
func (s *ship) alertNotify(ctx context.Context, conn *bus.Conn) error {
	command := s.cfg.Settings.Text("alertnotify", "")
	if command == "" {
		return nil
	}
	running := make(chan struct{}, maxCommands)
	l := bus.NewListener()
	msg.Warned.On(l, func(e msg.WarnedEvent, _ bus.Meta) error {
		select {
		case running <- struct{}{}:
			s.notify(ctx, strings.ReplaceAll(command, "%s", quoted(e.Text)), func() { <-running })
		default:
			s.logger.Warn(fmt.Sprintf("-alertnotify: %d commands are running, and none is run for another warning", maxCommands))
		}
		return nil
	})
	return s.follow(ctx, conn, l, "-alertnotify: ")
}

// quoted is a text as one word of a shell, of characters that mean nothing to it.
func quoted(text string) string {
	const harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;-_/:?@()"
	return "'" + strings.Map(func(r rune) rune {
		if strings.ContainsRune(harmless, r) {
			return r
		}
		return -1
	}, text) + "'"
}
