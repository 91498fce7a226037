package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc on every Linux.
const tick = 10 * time.Millisecond

// footprint is what processes have used since they started.
type footprint struct {
	cpu      time.Duration // user and system, of ended children too
	nodePeak uint64        // bytes resident at most, of the one with the chain
	allPeak  uint64        // the sum of everyone's peak
}

// processStat is a line of /proc/PID/stat.
type processStat struct {
	parent int
	cpu    time.Duration
}

func readStat(pid int) (processStat, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processStat{}, err
	}
	// The name before may hold blanks and brackets.
	fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
	if len(fields) < 15 {
		return processStat{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var s processStat
	if s.parent, err = strconv.Atoi(string(fields[1])); err != nil {
		return s, err
	}
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return s, err
		}
		s.cpu += time.Duration(ticks) * tick
	}
	return s, nil
}

// family returns a process and all that descend from it.
func family(root int) (map[int]processStat, error) {
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	all := map[int]processStat{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			return nil, err
		}
		if s, err := readStat(pid); err == nil { // else it has just ended
			all[pid] = s
		}
	}
	members := map[int]processStat{}
	for pid, s := range all {
		for at, steps := pid, 0; at > 0 && steps < len(all); at, steps = all[at].parent, steps+1 {
			if at == root {
				members[pid] = s
				break
			}
		}
	}
	return members, nil
}

// footprintOf measures a node's processes, of which root is the first.
func footprintOf(root int) (footprint, error) {
	members, err := family(root)
	if err != nil {
		return footprint{}, err
	}
	if _, alive := members[root]; !alive {
		return footprint{}, fmt.Errorf("process %d is gone", root)
	}
	var f footprint
	for pid, s := range members {
		f.cpu += s.cpu
		peak, err := peakOf(pid)
		if err != nil {
			return f, err
		}
		f.allPeak += peak
		if len(members) == 1 || title(pid) == "bulkhead: node" {
			f.nodePeak = peak
		}
	}
	if f.nodePeak == 0 {
		return f, fmt.Errorf("none of the %d processes is the node", len(members))
	}
	return f, nil
}

// machineBusy is what all processors have worked, and had taken from them by a
// hypervisor, since the machine started.
func machineBusy() (time.Duration, error) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var busy time.Duration
	for i, field := range fields[1:9] { // user, nice, system, idle, iowait, irq, softirq, steal
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		if i != 3 && i != 4 {
			busy += time.Duration(ticks) * tick
		}
	}
	return busy, nil
}

func title(pid int) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(raw), "\x00")
	return first
}

// peakOf is the most that a process had resident, in bytes.
func peakOf(pid int) (uint64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		words := strings.Fields(line)
		if len(words) >= 2 && words[0] == "VmHWM:" {
			kib, err := strconv.ParseUint(words[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM", pid)
}
