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

	"github.com/bulkheadnode/bulkhead/bench/internal/child"
	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
)

func main() {
	err := start(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sync:", err)
		os.Exit(1)
	}
}

// start is the program: the measurement, or the peer that it syncs from.
func start(args []string, in io.Reader, out, progress io.Writer) error {
	if child.Is(args) {
		return serveUntilEnd(args, in, out, progress)
	}
	c, err := parseConfig(args, progress)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	m := machine.This()
	if c.layouts {
		list, chain, err := measureLayouts(ctx, c, progress)
		if err != nil {
			return err
		}
		return writeLayouts(out, m, chain, list)
	}
	if c.compact {
		r, found, err := measureCompact(ctx, c, progress)
		if err != nil {
			return err
		}
		return r.writeCompact(out, c, m, found)
	}
	if c.mempool {
		r, err := measurePool(ctx, c, progress)
		if err != nil {
			return err
		}
		return r.writePool(out, c, m)
	}
	r, err := measureAll(ctx, c, progress)
	if err != nil {
		return err
	}
	return writeReport(out, c, m, r)
}
