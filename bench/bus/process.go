package main

import (
	"context"

	"github.com/bulkheadnode/bulkhead/bench/internal/child"
)

// process is a copy of this program with a role.
type process struct{ *child.Process }

// startProcess returns when the process is ready. It is killed when ctx ends.
func startProcess(ctx context.Context, s spec) (*process, error) {
	p, err := child.Start(ctx, s.System+" "+s.Role, s, patience, nil)
	if err != nil {
		return nil, err
	}
	return &process{p}, nil
}

// ask sends a command and stores the answer in value, if that is not nil.
func (p *process) ask(c command, value any) error {
	return p.Ask(c, c.Duration+c.Load.Duration+2*patience, value)
}
