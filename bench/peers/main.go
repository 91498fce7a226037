package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
)

// config is what the command line says.
type config struct {
	node        string
	connections int
	workers     string
	pace, hold  time.Duration
}

func main() {
	if err := start(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func start(args []string, out, progress io.Writer) error {
	var c config
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&c.node, "node", "", "the `program`; built from this tree if none is given")
	flags.IntVar(&c.connections, "connections", 1000, "how many")
	flags.StringVar(&c.workers, "workers", "perpeer", "the node's -p2pworkers")
	flags.DurationVar(&c.pace, "pace", 0, "pause before each connection")
	flags.DurationVar(&c.hold, "hold", 2*time.Minute, "how long to hold them")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if c.connections < 1 || flags.NArg() > 0 {
		return errors.New("there is nothing to measure")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	m := machine.This()
	r, err := measure(ctx, c, progress)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n\n%s", m, r)
	return err
}
