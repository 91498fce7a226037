package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/bulkheadnode/bulkhead/bench/internal/child"
	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
)

func main() {
	err := start(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bus:", err)
		os.Exit(1)
	}
}

// start is the program: the measurement, or one of the processes that it
// measures.
func start(args []string, in io.Reader, out, progress io.Writer) error {
	if child.Is(args) {
		return runChild(args, in, out)
	}
	c, err := parseConfig(args, progress)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return bench(ctx, c, out, progress)
}

func bench(ctx context.Context, c config, out, progress io.Writer) (err error) {
	for _, folder := range []string{c.cpuProfiles, c.memProfiles} {
		if folder != "" {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
		}
	}
	if c.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	m := machine.This()
	r, err := measureAll(ctx, c, progress)
	if err != nil {
		return err
	}
	if c.json != "" {
		if err := writeJSON(c.json, c, m, r); err != nil {
			return err
		}
	}
	return writeReport(out, c, m, r)
}
