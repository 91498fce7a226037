package ship

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/endpoint"
	"github.com/bulkheadnode/bulkhead/bus/endpoint/keyring"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/secure"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/cmd/internal/version"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// Pauses before a far part attaches again: they double from the first to the
// longest and vary by a random half.
const (
	firstRetry   = 200 * time.Millisecond
	longestRetry = 5 * time.Second
	// stableAfter is how long a part must have run for the pauses to be short
	// again.
	stableAfter  = 20 * time.Second
	dialPatience = 10 * time.Second
)

// RemoteConfig is what a process that runs one part for a far node hands in.
type RemoteConfig struct {
	Role     rights.Role
	Settings *config.Settings
	Layout   *config.Layout
	Version  string
	Part     supervise.Part
	Stdout   io.Writer
	// Hangups tells of SIGHUP, at which the log file is opened anew.
	Hangups <-chan os.Signal
}

// RemoteRoles are the parts that can run on their own.
func RemoteRoles() []rights.Role {
	return []rights.Role{roles.Worker, roles.Wallet, roles.Notify, roles.Gateway}
}

// remote is one part that runs for a far node.
type remote struct {
	cfg        RemoteConfig
	addr       endpoint.Address
	keyFile    string
	ticket     keyring.Ticket
	name       string // on the bus, after the role
	settings   json.RawMessage
	listeners  []supervise.Socket
	logger     *slog.Logger
	categories *logging.Live
	clock      *clock.Clock
}

// RunRemote runs one part for the node at -ipcconnect until ctx ends. When the
// link is lost, the part ends and is run anew.
func RunRemote(ctx context.Context, cfg RemoteConfig) error {
	r := &remote{cfg: cfg, clock: clock.New(cfg.Settings.Int("mocktime", 0))}
	if err := checkPorts(cfg.Settings); err != nil {
		return err
	}
	if err := r.readTicket(); err != nil {
		return err
	}
	closeLog, err := r.openLog()
	if err != nil {
		return err
	}
	defer closeLog()
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	remove, err := r.configure()
	defer closeListeners(r.listeners)
	defer remove()
	if err != nil {
		return err
	}
	r.logger.Info(fmt.Sprintf("%s version %s: %s on %s for the node at %s", Name, version.Text(), r.instance(), cfg.Layout.Chain.Name, r.addr))
	if err := r.confine(); err != nil {
		return err
	}
	err = r.keep(ctx)
	r.logger.Info("Shutdown done")
	return err
}

// readTicket reads -ipcconnect and -ipckey.
func (r *remote) readTicket() (err error) {
	s, role := r.cfg.Settings, r.cfg.Role
	for _, name := range []string{"ipcconnect", "ipckey"} {
		if s.Text(name, "") == "" {
			return config.Complain("bulkhead %s needs -%s, as in: bulkhead %s -ipcconnect=tcp://HOST:PORT -ipckey=%[1]s.key_secret. The key is made with \"bulkhead bus keygen %[1]s\" on the node's machine.", role, name, role)
		}
	}
	if s.Has("ipcbind") {
		return config.Complain("-ipcbind is for a whole node; a part on its own connects with -ipcconnect.")
	}
	if r.addr, err = busAddress("ipcconnect", s.Text("ipcconnect", ""), r.cfg.Layout); err != nil {
		return err
	}
	r.keyFile = s.Text("ipckey", "")
	if r.ticket, err = keyring.ReadTicket(r.keyFile); err != nil {
		return config.Complain("Cannot use -ipckey: %v", err)
	}
	switch t, chain := r.ticket, r.cfg.Layout.Chain.Name; {
	case t.Role != role:
		return config.Complain("%s is the key of a %s, not of a %s.", r.keyFile, t.Role, role)
	case t.Chain != chain:
		return config.Complain("%s is for a node on chain %s, and this is for %s: say -chain=%[2]s.", r.keyFile, t.Chain, chain)
	}
	return r.chooseName()
}

// chooseName finds the name on the bus. A name that stays the same lets a part
// that comes back replace the link it has lost.
func (r *remote) chooseName() error {
	r.name = r.ticket.Name
	if r.cfg.Role == roles.Wallet {
		names := r.cfg.Settings.List("wallet")
		if len(names) != 1 || !endpoint.ValidName(names[0]) {
			return config.Complain("bulkhead wallet runs one wallet: say which with -wallet=<name>, 1 to 64 letters, digits, \"-\" and \"_\".")
		}
		r.name = names[0]
	}
	if r.name == "" {
		r.name = "r" + strings.ToLower(rand.Text()[:10])
	}
	return nil
}

func (r *remote) instance() string { return endpoint.Instance(r.cfg.Role, r.name) }

// openLog logs to -debuglogfile, or else to standard output.
func (r *remote) openLog() (closeLog func(), err error) {
	live, err := logConfig(r.cfg.Settings)
	if err != nil {
		return nil, err
	}
	cfg := live.Config()
	if cfg.Thread != "" {
		cfg.Thread = r.instance()
	}
	r.categories = logging.NewLive(cfg)
	path := r.cfg.Layout.LogFile
	if !r.cfg.Settings.Has("debuglogfile") || path == "" {
		r.logger = logging.New(r.cfg.Stdout, r.categories, time.Now)
		return func() {}, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := logging.OpenFile(path)
	if err != nil {
		return nil, config.Complain("Could not open debug log file %s", path)
	}
	r.logger = logging.New(cfg.Tee(f, r.cfg.Stdout), r.categories, time.Now)
	ctx, cancel := context.WithCancel(context.Background())
	var reopening sync.WaitGroup
	reopening.Go(func() {
		for onHangup(ctx, r.cfg.Hangups, f, r.logger) {
		}
	})
	return func() {
		cancel()
		reopening.Wait()
		f.Close()
	}, nil
}

// lock makes the directories that the part needs. A gateway takes the data
// directory for itself, or it would replace the cookie of a node there.
func (r *remote) lock() (unlock func(), err error) {
	unlock = func() {}
	switch r.cfg.Role {
	case roles.Wallet:
		return unlock, os.MkdirAll(r.cfg.Layout.WalletDir, 0o700)
	case roles.Gateway:
		if err := os.MkdirAll(r.cfg.Layout.Net, 0o700); err != nil {
			return unlock, err
		}
		locks, err := lockDirs(r.cfg.Layout.Net)
		return func() { closeAll(locks) }, err
	}
	return unlock, nil
}

// keep runs the part again and again until ctx ends.
func (r *remote) keep(ctx context.Context) error {
	wait, ran := firstRetry, false
	for {
		began := time.Now()
		attached, err := r.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case attached && !ran && !lost(err):
			return err // nothing that another link would change
		}
		ran = ran || attached
		if time.Since(began) > stableAfter {
			wait = firstRetry
		}
		now := wait/2 + mathrand.N(wait/2)
		r.logger.Warn(fmt.Sprintf("%v; trying again in %d ms", r.explain(err), now.Milliseconds()))
		if !clock.Sleep(ctx, now) {
			return nil
		}
		wait = min(2*wait, longestRetry)
	}
}

// lost reports whether a part ended for something at the other end.
func lost(err error) bool {
	var onBus *bus.Error
	return err == nil || errors.Is(err, part.ErrAdrift) || errors.Is(err, context.Canceled) || errors.As(err, &onBus)
}

// explain words why there is no link.
func (r *remote) explain(err error) string {
	switch {
	case errors.Is(err, secure.ErrRefused):
		return fmt.Sprintf("The node at %s refused the key of %s: its .key file must be in the folder \"ipc\" there, and the key made for that node (%v)", r.addr, r.keyFile, err)
	case errors.Is(err, secure.ErrServerKey), errors.Is(err, secure.ErrForged):
		return fmt.Sprintf("The node at %s is not the one that %s was made for (%v)", r.addr, r.keyFile, err)
	case errors.Is(err, part.ErrAdrift), errors.Is(err, context.Canceled):
		return fmt.Sprintf("Lost the link to %s (%s)", r.addr, oneLine(err))
	case err == nil:
		return "The part ended"
	}
	return fmt.Sprintf("No link to %s (%s)", r.addr, oneLine(err))
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", ": ") }

// once attaches the part and runs it until it ends. attached tells that the
// node has accepted the key.
func (r *remote) once(ctx context.Context) (attached bool, err error) {
	conn, err := r.attach(ctx)
	if err != nil {
		return false, err
	}
	listeners, err := supervise.Duplicate(r.listeners)
	if err != nil {
		conn.Close()
		return false, err
	}
	defer closeListeners(listeners)
	r.logger.Info(fmt.Sprintf("Attached to the node at %s", r.addr))
	defer conn.Close()
	return true, r.cfg.Part(ctx, part.Env{
		Name: r.instance(), Link: conn, Listeners: listeners, Logger: r.logger, Categories: r.categories, Clock: r.clock,
		Mockable: r.cfg.Layout.Chain.Name == chains.Regtest, Limits: farLimits(),
	}, r.settings)
}

// farLimits are those of the node's end, but for the size of messages: what the
// node sends was bounded there.
func farLimits() link.Limits {
	limits := endpoint.FarLimits()
	limits.FrameBytes, limits.MessageBytes = 0, 0
	return limits
}

func (r *remote) attach(ctx context.Context) (*secure.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	return r.addr.Attach(ctx, secure.ClientConfig{Key: r.ticket.Key, Server: r.ticket.Broker, Identity: r.name})
}
