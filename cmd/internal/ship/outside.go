package ship

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/bulkheadnode/bulkhead/bus/endpoint"
	"github.com/bulkheadnode/bulkhead/bus/endpoint/keyring"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// outside is the way in for parts and programs on other machines.
type outside struct {
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

// busAddress reads an address of the endpoint. A socket's path is relative to
// the chain's folder.
func busAddress(setting, text string, layout *config.Layout) (endpoint.Address, error) {
	addr, err := endpoint.ParseAddress(text)
	if err != nil {
		return addr, config.Complain("Invalid address in -%s=%s: %v.", setting, text, err)
	}
	if addr.Network == "unix" && !filepath.IsAbs(addr.Target) {
		addr.Target = filepath.Join(layout.Net, addr.Target)
	}
	return addr, nil
}

// checkOutside refuses settings that would be ignored.
func checkOutside(s *config.Settings, layout *config.Layout) error {
	for _, name := range []string{"ipcconnect", "ipckey"} {
		if s.Has(name) && !s.Negated(name) {
			return config.Complain("-%s is for one part on its own, as in: bulkhead worker -ipcconnect=<address> -ipckey=<file>. A whole node listens with -ipcbind.", name)
		}
	}
	for _, text := range s.List("ipcbind") {
		if _, err := busAddress("ipcbind", text, layout); err != nil {
			return err
		}
	}
	return nil
}

// listenOutside opens the endpoint's sockets.
func (s *ship) listenOutside() (listeners []net.Listener, err error) {
	for _, text := range s.cfg.Settings.List("ipcbind") {
		addr, err := busAddress("ipcbind", text, s.cfg.Layout)
		if err != nil {
			return listeners, err
		}
		l, err := addr.Listen()
		if err != nil {
			return listeners, errors.New(busBindError(addr, err))
		}
		s.logger.Info(fmt.Sprintf("Bound the bus to %s", addr))
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// busBindError words a failure as for the other sockets, but for those that
// only files have.
func busBindError(addr endpoint.Address, err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return bindError(addr.String(), err)
	}
	return fmt.Sprintf("Unable to bind to %s on this computer (%v)", addr, err)
}

// openOutside starts the endpoint.
func (s *ship) openOutside(ctx context.Context, listeners []net.Listener) error {
	ctx, s.outside.cancel = context.WithCancel(ctx)
	if len(listeners) == 0 {
		return nil
	}
	key, err := keyring.BrokerKey(s.cfg.Layout.Keys)
	if err != nil {
		return fmt.Errorf("the key of the bus: %w", err)
	}
	e := endpoint.New(endpoint.Config{
		Listeners: listeners, Key: key, Keys: keyring.New(s.cfg.Layout.Keys, s.logger),
		Broker: s.broker, Logger: s.logger,
	})
	s.outside.tasks.Go(func() { e.Run(ctx) })
	return nil
}

// close ends the endpoint and its links.
func (o *outside) close() {
	o.cancel()
	o.tasks.Wait()
}
