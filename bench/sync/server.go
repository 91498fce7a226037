package main

import (
	"context"
	"time"

	"github.com/bulkheadnode/bulkhead/bench/internal/child"
	"github.com/bulkheadnode/bulkhead/bench/internal/proc"
)

// serverPatience is how long the serving process may take to read the chain,
// and to end.
const serverPatience = time.Minute

// serverSpec tells the copy of this program that serves a chain which.
type serverSpec struct {
	Path   string // of the chain's file
	Blocks int    // how many of its blocks; zero for all
}

// serverProcess is that copy.
type serverProcess struct {
	*child.Process
	address string
}

func startServer(ctx context.Context, spec serverSpec) (*serverProcess, error) {
	var s serverProcess
	var err error
	s.Process, err = child.Start(ctx, "the serving process", spec, serverPatience, &s.address)
	return &s, err
}

// cpu is what it has used.
func (s *serverProcess) cpu() (time.Duration, error) {
	stat, err := proc.ReadStat(s.PID())
	return stat.CPU, err
}
