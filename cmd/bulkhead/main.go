// Bulkhead is a Bitcoin full node in watertight compartments.
//
//	bulkhead [options]         runs a node; bulkhead -h lists the options
//	bulkhead ROLE [options]    runs one part for a node on another machine
//	bulkhead bus keygen ROLE   makes the key for that
//	bulkhead cli ...           sends a command to a node, as bulkhead-cli does
//
// A node starts this program again for each of its compartments, with the
// role as the only argument.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"golang.org/x/term"

	"github.com/bulkheadnode/bulkhead/bus/gateway"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/cmd/internal/background"
	"github.com/bulkheadnode/bulkhead/cmd/internal/cli"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/ship"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/cmd/internal/version"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/notify"
	"github.com/bulkheadnode/bulkhead/p2pworker"
	"github.com/bulkheadnode/bulkhead/p2pworker/dialler"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
	"github.com/bulkheadnode/bulkhead/wallet"
)

func main() {
	behind := background.Begun()
	if len(os.Args) > 1 && os.Args[1] == "cli" {
		os.Exit(cli.Main(ship.Name, version.Text(), os.Args[2:], ship.Commands()))
	}
	// Setting the title of this process overwrites the arguments.
	child := supervise.IsChild(os.Args[1:])
	err := run(os.Args[1:], behind)
	if errors.Is(err, supervise.ErrTerminated) {
		os.Exit(supervise.TerminatedStatus)
	}
	if status, ended := background.Status(err); ended { // it has told why
		os.Exit(status)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", prefix(err), err)
		os.Exit(status(child, err))
	}
}

// status is the exit code after an error. Only a supervisor wants to know more
// than that there was one.
func status(child bool, err error) int {
	if child && errors.Is(err, part.ErrFinal) {
		return supervise.FinalStatus
	}
	return 1
}

// prefix is "Error: ", unless this is a compartment's own message or one that
// bitcoind prints without.
func prefix(err error) string {
	var start *supervise.StartError
	var final *supervise.FinalError
	if errors.As(err, &start) && start.OwnWords() || errors.As(err, &final) && final.OwnWords() || strings.HasPrefix(err.Error(), "Error: ") || errors.Is(err, node.ErrDamaged) {
		return ""
	}
	return "Error: "
}

func run(args []string, behind *background.Child) error {
	syscall.Umask(0o077) // what a node writes is its owner's alone
	if len(args) > 0 {
		role := rights.Role(args[0])
		run, known := parts()[role]
		switch {
		case args[0] == "bus":
			return bus(args[1:])
		case known && supervise.IsChild(args):
			return supervise.RunChild(run)
		case known && slices.Contains(ship.RemoteRoles(), role):
			return remote(role, run, args[1:])
		case known:
			return fmt.Errorf("%s is started by bulkhead, not by hand", role)
		}
	}
	settings, err := parse(args)
	if err != nil || settings == nil {
		return err
	}
	return sail(settings, behind)
}

// parse reads the command line; nil settings tell that it asked for no more
// than a text.
func parse(args []string) (*config.Settings, error) {
	settings, err := config.Parse(args)
	switch {
	case err != nil:
		return nil, err
	case settings.HelpWanted():
		fmt.Print(config.Help())
		return nil, nil
	case settings.Bool("version", false):
		fmt.Printf("%s version %s bitcoind\n", ship.Name, version.Text())
		return nil, nil
	}
	return settings, nil
}

// load reads the configuration files.
func load(settings *config.Settings) (*config.Layout, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "."
	}
	layout, err := settings.Load(home)
	if err != nil {
		return nil, err
	}
	for _, line := range settings.Stderr {
		fmt.Fprintln(os.Stderr, line)
	}
	return layout, settings.CheckUnserved()
}

// bus serves the commands about the bus.
func bus(args []string) error {
	var flags, words []string
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			flags = append(flags, arg)
		} else {
			words = append(words, arg)
		}
	}
	settings, err := config.Parse(flags)
	switch {
	case err != nil:
		return err
	case settings.HelpWanted() || len(words) > 0 && words[0] == "help":
		fmt.Print(ship.BusHelp)
		return nil
	case len(words) == 0 || words[0] != "keygen":
		return config.Complain("bulkhead bus has the commands keygen and help; see bulkhead bus help.")
	}
	layout, err := load(settings)
	if err != nil {
		return err
	}
	return ship.Keygen(layout, words[1:], os.Stdout)
}

// remote runs one part for a node on another machine.
func remote(role rights.Role, run supervise.Part, args []string) error {
	settings, err := parse(args)
	if err != nil || settings == nil {
		return err
	}
	layout, err := load(settings)
	if err != nil {
		return err
	}
	if settings.Bool("daemon", false) || settings.Bool("daemonwait", false) {
		return config.Complain("-daemon and -daemonwait are for a whole node.")
	}
	ctx, hangups, release := catchSignals()
	defer release()
	return ship.RunRemote(ctx, ship.RemoteConfig{
		Role: role, Settings: settings, Layout: layout, Version: version.Number, Part: run, Stdout: os.Stdout, Hangups: hangups,
	})
}

func sail(settings *config.Settings, child *background.Child) error {
	layout, err := load(settings)
	if err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	wait := settings.Bool("daemonwait", false)
	if child == nil && (wait || settings.Bool("daemon", false)) {
		fmt.Println(ship.Name + " starting")
		return background.Start(executable, os.Args[1:], wait, os.Stderr)
	}
	ready := func() error { return nil }
	if child != nil {
		ready = child.Ready
	}
	ctx, hangups, release := catchSignals()
	defer release()
	return ship.Run(ctx, ship.Config{
		Settings: settings, Layout: layout, Version: version.Number, Executable: executable, Parts: parts(),
		Stdout: os.Stdout, Terminal: term.IsTerminal(int(os.Stdout.Fd())), Hangups: hangups, Ready: ready,
	})
}

// catchSignals ends ctx at SIGINT and SIGTERM. A second one changes nothing: a
// user's second Ctrl-C must not keep the node from writing out what it has.
func catchSignals() (ctx context.Context, hangups <-chan os.Signal, release func()) {
	supervise.SurviveBrokenPipes()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return ctx, hup, func() {
		signal.Stop(hup)
		stop()
	}
}

// parts are the roles that this program can play.
func parts() map[rights.Role]supervise.Part {
	processors := runtime.GOMAXPROCS(0)
	return map[rights.Role]supervise.Part{
		roles.Node:    withConfig(runNode(processors)),
		roles.Peers:   withConfig(manager.Run),
		roles.Worker:  withConfig(runWorker),
		roles.Dialler: withConfig(runDialler),
		roles.Wallet:  withConfig(wallet.Run),
		roles.Notify:  withConfig(notify.Run),
		roles.Gateway: withConfig(gateway.Run),
	}
}

// spareThreads is how many threads may run Go code besides those that verify
// scripts: with none to spare, the runtime would look for requests that have
// arrived only every 10 ms while all verify.
const spareThreads = 2

func runNode(processors int) func(context.Context, part.Env, node.Config) error {
	return func(ctx context.Context, env part.Env, cfg node.Config) error {
		if cfg.Parallel <= 0 {
			cfg.Parallel = processors
		}
		runtime.GOMAXPROCS(max(cfg.Parallel, processors) + spareThreads)
		return node.Run(ctx, env, cfg)
	}
}

// runWorker does with one processor in the process of a single connection, which
// does one thing at a time: there may be a thousand of them, and each processor
// that the runtime knows of costs one threads and memory.
func runWorker(ctx context.Context, env part.Env, cfg p2pworker.Config) error {
	if ownProcess := env.Title != nil; ownProcess && cfg.Capacity == 1 {
		runtime.GOMAXPROCS(1)
	}
	return p2pworker.Run(ctx, env, cfg)
}

// runDialler waits for others most of the time.
func runDialler(ctx context.Context, env part.Env, cfg dialler.Config) error {
	if env.Title != nil {
		runtime.GOMAXPROCS(1)
	}
	return dialler.Run(ctx, env, cfg)
}

// withConfig gives a part its settings in its own type.
func withConfig[C any](run func(context.Context, part.Env, C) error) supervise.Part {
	return func(ctx context.Context, env part.Env, settings json.RawMessage) error {
		var cfg C
		if err := json.Unmarshal(settings, &cfg); err != nil {
			return fmt.Errorf("settings of %s: %w", env.Name, err)
		}
		return run(ctx, env, cfg)
	}
}
