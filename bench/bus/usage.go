package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/bulkheadnode/bulkhead/bench/internal/proc"
)

// usage is what a process has used of the machine.
type usage struct {
	CPU     time.Duration // user and system, since its start
	Mallocs uint64        // since its start
	Heap    uint64        // bytes of the heap and the stacks in use
	RSS     uint64        // bytes resident
	PeakRSS uint64        // bytes resident at most, since the last reset
}

func measureUsage(c command) (usage, error) {
	if c.FreeMemory {
		debug.FreeOSMemory()
	}
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return usage{}, fmt.Errorf("getrusage: %w", err)
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	u := usage{
		CPU:     time.Duration(self.Utime.Nano() + self.Stime.Nano()),
		Mallocs: mem.Mallocs, Heap: mem.HeapAlloc + mem.StackInuse,
	}
	var err error
	if u.RSS, err = proc.Resident(proc.Self); err != nil {
		return usage{}, err
	}
	if u.PeakRSS, err = proc.PeakResident(proc.Self); err != nil {
		return usage{}, err
	}
	if c.ResetPeak {
		err = proc.ResetPeak()
	}
	return u, err
}
