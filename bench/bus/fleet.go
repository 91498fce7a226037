package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// fleet is the processes of one deployment of a system.
type fleet struct {
	sys     system
	base    spec // of all its processes
	cfg     config
	purpose string
	procs   []*process
}

// newFleet makes an empty fleet with a folder of its own. purpose names its
// profiles.
func newFleet(cfg config, sys system, purpose string, base spec) (*fleet, error) {
	dir, err := os.MkdirTemp(cfg.dir, "fleet")
	if err != nil {
		return nil, err
	}
	base.System, base.Dir = sys.name, dir
	return &fleet{sys: sys, base: base, cfg: cfg, purpose: purpose}, nil
}

// add starts a process. Start those first on which the others depend.
func (f *fleet) add(ctx context.Context, role string, index int) (*process, error) {
	s := f.base
	s.Role, s.Index = role, index
	if f.sys.name == bulkhead().name || f.sys.name == inProcess().name {
		name := fmt.Sprintf("%s-%s-%s%d.pprof", f.sys.name, f.purpose, role, index)
		if f.cfg.cpuProfiles != "" {
			s.CPUProfile = filepath.Join(f.cfg.cpuProfiles, "cpu-"+name)
		}
		if f.cfg.memProfiles != "" {
			s.MemProfile = filepath.Join(f.cfg.memProfiles, "mem-"+name)
		}
	}
	p, err := startProcess(ctx, s)
	if err != nil {
		return nil, err
	}
	f.procs = append(f.procs, p)
	return p, nil
}

// end stops all processes, the last to start first.
func (f *fleet) end() error {
	var err error
	for _, p := range slices.Backward(f.procs) {
		err = errors.Join(err, p.Stop())
	}
	return errors.Join(err, os.RemoveAll(f.base.Dir))
}
