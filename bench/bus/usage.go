package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
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
	if c.Settle {
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
	if u.RSS, err = statusBytes("VmRSS:"); err != nil {
		return usage{}, err
	}
	if u.PeakRSS, err = statusBytes("VmHWM:"); err != nil {
		return usage{}, err
	}
	if c.ResetPeak {
		// proc(5): 5 sets the peak to the present resident size.
		err = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	}
	return u, err
}

// statusBytes reads a field of /proc/self/status that is given in kB.
func statusBytes(field string) (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		words := bytes.Fields(lines.Bytes())
		if len(words) >= 2 && string(words[0]) == field {
			kib, err := strconv.ParseUint(string(words[1]), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", field)
}
