package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// config is what a run measures.
type config struct {
	chains   []chain
	kinds    bool          // the chains are of one kind each
	mempool  bool          // mempools are measured instead of syncs
	compact  bool          // and how fast they make blocks of compact ones; with mempool
	layouts  bool          // syncs by several layouts of processes, and from several peers
	idle     time.Duration // how long the idle node is pinged, with layouts
	rounds   int
	bitcoind string // path; empty to leave it out
	run      *regexp.Regexp
	cache    string // folder for chains
}

// parseConfig reads the command line.
func parseConfig(args []string, output io.Writer) (config, error) {
	c := config{idle: 10 * time.Second}
	flags := flag.NewFlagSet("sync", flag.ContinueOnError)
	flags.SetOutput(output)
	scale := flags.Float64("scale", 1, "size of the chains, at most 1")
	name := flags.String("chain", "", "measure only this chain: payments or mainnet")
	flags.BoolVar(&c.kinds, "kinds", false, "measure a small chain of each kind of output instead")
	flags.BoolVar(&c.mempool, "mempool", false, "measure how fast mempools take transactions instead")
	flags.BoolVar(&c.compact, "compact", false, "measure how fast compact blocks are made whole, relayed and connected instead")
	flags.BoolVar(&c.layouts, "layouts", false, "measure syncs from one and three peers by the number of worker processes instead, with what is received and how pings are answered")
	flags.IntVar(&c.rounds, "rounds", 1, "how often every node is measured")
	flags.StringVar(&c.bitcoind, "bitcoind", "", "path of a bitcoind to measure too")
	run := flags.String("run", "", "measure only the systems whose names match this regular expression")
	flags.StringVar(&c.cache, "cache", "", "folder for the chains (default: bulkhead-bench in the user's cache folder)")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if *scale <= 0 || *scale > 1 || c.rounds < 1 || flags.NArg() > 0 {
		return c, errors.New("-scale must be above 0 and at most 1, -rounds positive, and there are no other arguments")
	}
	c.mempool = c.mempool || c.compact
	var err error
	if c.chains, err = c.chosenChains(*name, *scale); err != nil {
		return c, err
	}
	if c.run, err = regexp.Compile(*run); err != nil {
		return c, err
	}
	if c.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return c, err
		}
		c.cache = filepath.Join(dir, "bulkhead-bench")
	}
	return c, nil
}

// chosenChains are those that the command line asks for.
func (c config) chosenChains(name string, scale float64) ([]chain, error) {
	switch {
	case c.layouts && (c.mempool || c.kinds):
		return nil, errors.New("-layouts is a measurement of its own")
	case c.mempool && !c.kinds && name == "":
		return []chain{poolShapeOf(scale)}, nil
	case c.mempool:
		return nil, errors.New("-mempool and -compact have a chain of their own")
	case c.kinds && name == "":
		return kindShapes(scale), nil
	case c.kinds:
		return nil, errors.New("-kinds has chains of its own")
	}
	all := []chain{shapeOf(scale), mixShapeOf(scale)}
	if name == "" {
		return all, nil
	}
	for _, one := range all {
		if one.name() == name {
			return []chain{one}, nil
		}
	}
	return nil, errors.New("-chain is payments or mainnet")
}
