package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// config is what a run measures.
type config struct {
	rows        []int
	systems     []string
	duration    time.Duration // of a measurement
	warmUp      time.Duration
	rounds      int
	links       int // of row 6
	subscribers int // of row 3
	floodRate   int // events per second of row 7; 0 for as fast as possible
	floodBytes  int // of such an event
	cpuProfiles string
	memProfiles string
	json        string
	dir         string // for sockets
}

const lastRow = 8

// parseConfig reads the command line.
func parseConfig(args []string, output io.Writer) (config, error) {
	c := config{links: 1000, subscribers: 10}
	var names []string
	for _, s := range systems() {
		names = append(names, s.name)
	}
	flags := flag.NewFlagSet("bus", flag.ContinueOnError)
	flags.SetOutput(output)
	rows := flags.String("rows", "1,2,3,4,5,6,7,8", "comma list of rows to measure")
	chosen := flags.String("systems", strings.Join(names, ","), "comma list of systems to measure")
	flags.DurationVar(&c.duration, "duration", 2*time.Second, "length of a measurement")
	flags.DurationVar(&c.warmUp, "warmup", 500*time.Millisecond, "length of the warm-up before it")
	flags.IntVar(&c.rounds, "rounds", 3, "how often to measure everything")
	flags.IntVar(&c.floodRate, "floodrate", 20000, "events per second of row 7; 0 for as many as possible")
	flags.IntVar(&c.floodBytes, "floodbytes", 1000, "size of an event of row 7 in bytes")
	flags.StringVar(&c.cpuProfiles, "cpuprofile", "", "folder for CPU profiles of bulkhead's processes")
	flags.StringVar(&c.memProfiles, "memprofile", "", "folder for allocation profiles of bulkhead's processes")
	flags.StringVar(&c.json, "json", "", "file for all values of all rounds")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	for _, text := range strings.Split(*rows, ",") {
		row, err := strconv.Atoi(text)
		if err != nil || row < 1 || row > lastRow {
			return c, fmt.Errorf("no row %q", text)
		}
		c.rows = append(c.rows, row)
	}
	c.systems = strings.Split(*chosen, ",")
	for _, name := range c.systems {
		if !slices.Contains(names, name) {
			return c, fmt.Errorf("no system %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	if c.floodBytes <= smallBody || c.floodBytes > maxFlood {
		return c, fmt.Errorf("-floodbytes must be more than %d and at most %d", smallBody, maxFlood)
	}
	if c.duration <= 0 || c.rounds < 1 || c.floodRate < 0 || c.warmUp < 0 {
		return c, fmt.Errorf("-duration and -rounds must be positive, -warmup and -floodrate not negative")
	}
	return c, nil
}

// measures reports whether one of the rows was asked for.
func (c config) measures(rows ...int) bool {
	return slices.ContainsFunc(rows, func(row int) bool { return slices.Contains(c.rows, row) })
}
