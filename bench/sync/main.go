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
)

// asServer is the first argument of the process that serves the chain; the
// chain's file is the second.
const asServer = "serve"

func main() {
	err := start(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sync:", err)
		os.Exit(1)
	}
}

// start is the program: the measurement, or the peer that it syncs from.
func start(args []string, in io.Reader, out, progress io.Writer) error {
	if len(args) == 2 && args[0] == asServer {
		return serveUntilEnd(args[1], in, out, progress)
	}
	c, err := parseConfig(args, progress)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	m := thisMachine()
	r, err := measureAll(ctx, c, progress)
	if err != nil {
		return err
	}
	return writeReport(out, c, m, r)
}
