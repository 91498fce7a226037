package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// config is what a run measures.
type config struct {
	chains   []chain
	kinds    bool // the chains are of one kind each
	rounds   int
	bitcoind string // path; empty to leave it out
	run      *regexp.Regexp
	cache    string // folder for chains
}

// parseConfig reads the command line.
func parseConfig(args []string, output io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("sync", flag.ContinueOnError)
	flags.SetOutput(output)
	scale := flags.Float64("scale", 1, "size of the chains, at most 1")
	flags.BoolVar(&c.kinds, "kinds", false, "measure a small chain of each kind of output instead")
	flags.IntVar(&c.rounds, "rounds", 1, "how often every node syncs")
	flags.StringVar(&c.bitcoind, "bitcoind", "", "path of a bitcoind to measure too")
	run := flags.String("run", "", "measure only the systems whose names match this regular expression")
	flags.StringVar(&c.cache, "cache", "", "folder for the chains (default: bulkhead-bench in the user's cache folder)")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if *scale <= 0 || *scale > 1 || c.rounds < 1 || flags.NArg() > 0 {
		return c, errors.New("-scale must be above 0 and at most 1, -rounds positive, and there are no other arguments")
	}
	c.chains = []chain{shapeOf(*scale)}
	if c.kinds {
		c.chains = kindShapes(*scale)
	}
	var err error
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
