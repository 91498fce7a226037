package ship

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/cmd/internal/version"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/internal/space"
)

// supervisorInstance is the ship's own name on the bus.
const supervisorInstance = "supervisor"

// errNoHTTP is all that the user is told of faults of the RPC server; the log
// has the details.
var errNoHTTP = config.Complain("Unable to start HTTP server. See debug log for details.")

// Config is what the user's process hands in.
type Config struct {
	Settings   *config.Settings
	Layout     *config.Layout
	Version    string // three numbers, which peers are shown
	Executable string
	Parts      map[rights.Role]supervise.Part
	Stdout     io.Writer
	Terminal   bool // Stdout is one: tell the user where things are
	// Hangups tells of SIGHUP, at which debug.log is opened anew.
	Hangups <-chan os.Signal
	// Ready is called when the node is; nil for nothing.
	Ready func() error
}

// ship is a running node.
type ship struct {
	cfg        Config
	parts      *partSettings
	broker     *broker.Broker
	supervisor *supervise.Supervisor
	lender     *lender
	fees       *feeFiles // nil with -blocksonly
	watchdog   *watchdog
	logger     *slog.Logger
	locks      []*os.File // of the directories
	logFile    *os.File
	logConfig  *logging.Live
	clock      *clock.Clock
	started    time.Time
	stopWait   atomic.Int64             // milliseconds
	conn       atomic.Pointer[bus.Conn] // nil until the ship is on its own bus
	stop       chan struct{}            // closed by the stop command
	stopOnce   sync.Once
	readiness  *readiness
	notifying  sync.WaitGroup // commands of the user's
	outside    outside

	mu      sync.Mutex
	ending  bool
	workers int
	shared  []string // the workers of them that share all connections
}

// Run runs a node until ctx ends, the stop command comes, or a part that the
// node cannot do without gives up.
func Run(ctx context.Context, cfg Config) error {
	s := &ship{cfg: cfg, started: time.Now(), stop: make(chan struct{})}
	if err := checkPorts(cfg.Settings); err != nil {
		return err
	}
	if err := checkOutside(cfg.Settings, cfg.Layout); err != nil {
		return err
	}
	var err error
	if s.logConfig, err = logConfig(cfg.Settings); err != nil {
		return err
	}
	if err := cfg.Layout.Prepare(); err != nil {
		return err
	}
	if s.locks, err = lockDirs(cfg.Layout.Net, filepath.Join(cfg.Layout.BlocksDir, "blocks")); err != nil {
		return err
	}
	defer closeAll(s.locks)
	if err := beginSettings(cfg.Layout.Settings); err != nil {
		return err
	}
	if err := s.openLog(); err != nil {
		return err
	}
	defer s.logFile.Close()
	err = s.sail(ctx)
	if err != nil {
		s.logger.Error(err.Error())
	}
	s.logger.Info("Shutdown done")
	return err
}

// sail opens the sockets, runs the compartments and ends them.
func (s *ship) sail(ctx context.Context) error {
	s.introduce()
	for _, dir := range []string{s.cfg.Layout.Net, s.cfg.Layout.BlocksDir} {
		if err := space.Check(dir, 0); err != nil {
			return err
		}
	}
	p2p, rpcs, err := s.listen()
	defer closeListeners(slices.Concat(p2p, rpcs))
	if err != nil {
		return err
	}
	further, err := s.listenFurther()
	defer closeListeners(further)
	if err != nil {
		return err
	}
	far, err := s.listenOutside()
	defer closeListeners(far)
	if err != nil {
		return err
	}
	list, cookie, err := accounts(s.cfg.Settings, s.cfg.Layout.Cookie)
	if err != nil {
		s.logger.Error(err.Error())
		return errNoHTTP
	}
	if cookie {
		defer os.Remove(s.cfg.Layout.Cookie)
	}
	if err := writePID(s.cfg.Layout.PIDFile); err != nil {
		return err
	}
	defer os.Remove(s.cfg.Layout.PIDFile)
	if s.parts, err = newPartSettings(s.cfg, p2p, rpcs, list); err != nil {
		return err
	}
	s.parts.further = further
	defer closeListeners(s.parts.listenZMQ(s.logger))
	s.readiness = newReadiness(s.parts.required())
	return s.runParts(ctx, far)
}

func (s *ship) openLog() error {
	path := s.cfg.Layout.LogFile
	if path == "" {
		path = os.DevNull
	}
	if s.cfg.Settings.Bool("shrinkdebugfile", len(s.logConfig.Config().Categories) == 0) && path != os.DevNull {
		if err := logging.Shrink(path); err != nil {
			return config.Complain("Could not shrink debug log file %s: %v", path, err)
		}
	}
	f, err := logging.OpenFile(path)
	if err != nil {
		return config.Complain("Could not open debug log file %s", path)
	}
	s.logFile = f
	s.logger = logging.New(s.logConfig.Config().Tee(f, s.cfg.Stdout), s.logConfig, time.Now)
	return nil
}

// introduce begins the log of a run.
func (s *ship) introduce() {
	log, settings, layout := s.logger, s.cfg.Settings, s.cfg.Layout
	log.Info(fmt.Sprintf("%s version %s", Name, version.Text()))
	for _, warning := range settings.Warnings {
		log.Warn(warning)
	}
	for _, note := range settings.Notes {
		log.Info(note)
	}
	noteGone(log, settings.List("debug"), settings.List("debugexclude"))
	if slices.ContainsFunc(settings.List("addnode"), blank) {
		log.Warn("Ignoring empty -addnode value")
	}
	if idle := settings.Idle(); len(idle) > 0 {
		log.Info("Settings of Bitcoin Core's that have no effect here: " + strings.Join(idle, ", "))
	}
	log.Info("Using data directory " + layout.Net)
	if conf := settings.ConfigFile(); conf != "" {
		log.Info("Config file: " + conf)
	} else {
		log.Info("Config file: none")
	}
	for _, line := range settings.Describe() {
		log.Info(line)
	}
}

func (s *ship) listen() (p2p, rpcs []*net.TCPListener, err error) {
	chain := s.cfg.Layout.Chain
	if s.cfg.Settings.Bool("server", true) {
		endpoints, warnings, err := rpcEndpoints(s.cfg.Settings, chain)
		if err != nil {
			return nil, nil, err
		}
		for _, warning := range warnings {
			s.logger.Warn(warning)
		}
		var notes []string
		if rpcs, notes, err = listenAll(endpoints); err != nil || len(rpcs) == 0 {
			s.logNotes(append(notes, orNothing(err)...))
			return nil, nil, errNoHTTP
		}
		s.logNotes(notes)
	}
	endpoints, err := p2pEndpoints(s.cfg.Settings, chain)
	if err != nil {
		return nil, rpcs, err
	}
	if len(endpoints) == 0 && proxyGiven(s.cfg.Settings) && !s.cfg.Settings.Has("listen") {
		s.logger.Info("parameter interaction: -proxy set -> setting -listen=0")
	}
	if noWorkers(s.cfg.Settings) {
		if s.cfg.Settings.Has("bind") || s.cfg.Settings.Has("listen") {
			s.logger.Warn("With -p2pworkers=0 no peer can connect to this machine: -bind and -listen are for the workers on others")
		}
		endpoints = nil
	}
	p2p, notes, err := listenAll(endpoints)
	if err != nil {
		return nil, rpcs, fmt.Errorf("%w", err)
	}
	s.logNotes(notes)
	if len(endpoints) > 0 && len(p2p) == 0 {
		return nil, rpcs, config.Complain("Failed to listen on any port. Use -listen=0 if you want this.")
	}
	return p2p, rpcs, nil
}

// listenFurther opens the unix sockets for JSON-RPC and, behind them, the sockets for
// metrics.
func (s *ship) listenFurther() (listeners []supervise.Socket, err error) {
	if s.cfg.Settings.Bool("server", true) {
		if listeners, err = listenRPCSockets(s.cfg.Settings, s.cfg.Layout, s.logger); err != nil {
			return listeners, err
		}
	}
	metrics, err := s.listenMetrics()
	return append(listeners, supervise.Sockets(metrics)...), err
}

func orNothing(err error) []string {
	if err == nil {
		return nil
	}
	return []string{err.Error()}
}

func (s *ship) logNotes(notes []string) {
	for _, note := range notes {
		s.logger.Info(note)
	}
}

// runParts runs broker, supervisor and the ship's own part until the end.
func (s *ship) runParts(ctx context.Context, far []net.Listener) error {
	regtest := s.cfg.Layout.Chain.Name == chains.Regtest
	s.clock = clock.New(s.cfg.Settings.Int("mocktime", 0))
	box, err := s.sandbox()
	if err != nil {
		return err
	}
	if s.watchdog, err = newWatchdog(s.cfg.Settings); err != nil {
		return err
	}
	s.broker = broker.New(broker.Config{
		Table: partRights(), Logger: s.logger, Up: s.attached,
	})
	s.supervisor = supervise.New(supervise.Config{
		Executable: s.cfg.Executable, InProcess: !s.cfg.Settings.Bool("multiprocess", true),
		Parts: s.cfg.Parts, Broker: s.broker, Heartbeat: s.watchdog.heartbeat, Ended: s.ended, Logger: s.logger, Log: s.logConfig,
		LogFile: s.logFile, Sandbox: box, Clock: s.clock, Mockable: regtest,
	})
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	var tasks sync.WaitGroup
	defer s.notifying.Wait()
	defer tasks.Wait()
	defer end()
	if err := s.openOutside(life, far); err != nil {
		return err
	}
	defer s.outside.close()
	tasks.Go(func() { s.supervisor.Run(life) })
	tasks.Go(func() { s.look(life) })
	tasks.Go(func() { s.reopenLogs(life) })
	s.fees = s.newFeeFiles()
	tasks.Go(func() { s.fees.run(life) })
	theirs, ours := link.Pipe()
	tasks.Go(func() {
		// The end of the ship's own link is the end of the ship.
		_ = s.broker.Serve(life, ours, broker.Identity{Role: roles.Supervisor, Instance: supervisorInstance})
	})
	env := part.Env{
		Name: supervisorInstance, Link: theirs, Logger: s.logger, Categories: goneTeller{s.logConfig, s.logger}, Clock: s.clock, Mockable: regtest,
	}
	return env.Serve(life, s.mux(), s.table(), func(life context.Context, conn *bus.Conn) error {
		s.conn.Store(conn)
		err := s.blockNotify(life, conn)
		if err == nil {
			err = s.alertNotify(life, conn)
		}
		if err == nil {
			err = s.serveManager(life, conn)
		}
		if err == nil {
			err = s.steer(ctx, life)
		}
		tellManager(s.logger, daemon.SdNotifyStopping)
		s.notifyEnd(life)
		return errors.Join(err, s.stopAll())
	})
}

// steer starts the compartments and waits for a reason to end. What it starts
// ends with life at the latest.
func (s *ship) steer(ctx, life context.Context) error {
	specs, err := s.parts.initial(s.logger)
	if err != nil {
		return err
	}
	for _, spec := range specs {
		if err := s.supervisor.Start(spec); err != nil {
			return err
		}
	}
	if err := s.startShared(); err != nil {
		return err
	}
	ready := s.readiness.ready
	for {
		select {
		case <-ready:
			ready = nil
			s.announce(life)
		case <-ctx.Done():
			s.halt(life)
			s.logger.Info("Shutdown: requested by a signal")
			return nil
		case <-s.stop:
			s.logger.Info("Shutdown: requested by the stop command")
			s.linger(ctx)
			return nil
		case <-s.supervisor.Done():
			if ctx.Err() != nil {
				continue // a signal that was sent to all processes
			}
			return s.supervisor.Why()
		}
	}
}

// haltPatience is how long the node may take to come to a halt before the stop
// goes on. It may be in the middle of a block, or not answer at all.
const haltPatience = time.Second

// attached is called by the broker, whose router must not wait. Links from
// outside do not stand for a part of the ship.
func (s *ship) attached(id broker.Identity) {
	if s.supervisor.Attached(id.Instance) {
		s.readiness.arrived(string(id.Role))
	}
}

func (s *ship) self() supervise.Status {
	resident, shared := supervise.ResidentBytes(os.Getpid())
	return supervise.Status{
		Role: roles.Supervisor, Instance: supervisorInstance, PID: os.Getpid(), Started: s.started, RSS: resident, Shared: shared,
	}
}
