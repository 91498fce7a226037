// Bulkhead is a Bitcoin full node in watertight compartments.
//
//	bulkhead [options]    runs a node; bulkhead -h lists the options
//
// A node starts this program again for each of its compartments, with the
// role as the only argument.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/gateway"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/ship"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/notify"
	"github.com/bulkheadnode/bulkhead/p2pworker"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
	"github.com/bulkheadnode/bulkhead/wallet"
)

const version = "0.1.0"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", prefix(err), err)
		os.Exit(1)
	}
}

// prefix is "Error: ", unless a compartment's own message has it already.
func prefix(err error) string {
	if strings.HasPrefix(err.Error(), "Error: ") {
		return ""
	}
	return "Error: "
}

func run(args []string) error {
	syscall.Umask(0o077) // what a node writes is its owner's alone
	if len(args) > 0 {
		if run, ok := parts()[broker.Role(args[0])]; ok {
			return supervise.RunChild(run)
		}
	}
	settings, err := config.Parse(args)
	if err != nil {
		return err
	}
	switch {
	case settings.HelpWanted():
		fmt.Print(config.Help())
		return nil
	case settings.Bool("version", false):
		fmt.Printf("%s version %s bitcoind\n", ship.Name, version)
		return nil
	}
	return sail(settings)
}

func sail(settings *config.Settings) error {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "."
	}
	layout, err := settings.Load(home)
	if err != nil {
		return err
	}
	for _, line := range settings.Stderr {
		fmt.Fprintln(os.Stderr, line)
	}
	if err := settings.CheckUnserved(); err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A second signal ends the node at once, as kill -9 would: it loses nothing,
	// but has to look through its files at the next start.
	defer context.AfterFunc(ctx, stop)()
	return ship.Run(ctx, ship.Config{
		Settings: settings, Layout: layout, Version: version, Executable: executable, Parts: parts(),
		Stdout: os.Stdout, Terminal: term.IsTerminal(int(os.Stdout.Fd())),
	})
}

// parts are the roles that this program can play.
func parts() map[broker.Role]supervise.Part {
	return map[broker.Role]supervise.Part{
		broker.Node:    withConfig(node.Run),
		broker.Peers:   withConfig(manager.Run),
		broker.Worker:  withConfig(p2pworker.Run),
		broker.Wallet:  withConfig(wallet.Run),
		broker.Notify:  withConfig(notify.Run),
		broker.Gateway: withConfig(gateway.Run),
	}
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
