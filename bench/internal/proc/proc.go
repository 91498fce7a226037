package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc on every Linux.
const tick = 10 * time.Millisecond

// Self names the calling process where a PID is asked for.
const Self = 0

// Text is a file below /proc.
func Text(name string) (string, error) {
	raw, err := os.ReadFile("/proc/" + name)
	return string(raw), err
}

// of is the text of a process's file.
func of(pid int, name string) (string, error) {
	folder := "self"
	if pid != Self {
		folder = strconv.Itoa(pid)
	}
	return Text(folder + "/" + name)
}

// Stat is a part of what /proc/PID/stat tells.
type Stat struct {
	Parent int
	CPU    time.Duration // user and system, of ended children too
}

// ReadStat reads a process's.
func ReadStat(pid int) (Stat, error) {
	text, err := of(pid, "stat")
	if err != nil {
		return Stat{}, err
	}
	// The name before may hold blanks and brackets.
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return Stat{}, fmt.Errorf("the stat of process %d has %d fields", pid, len(fields))
	}
	var s Stat
	if s.Parent, err = strconv.Atoi(fields[1]); err != nil {
		return s, err
	}
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return s, err
		}
		s.CPU += time.Duration(ticks) * tick
	}
	return s, nil
}

// Family returns a process and all that descend from it, by PID. It is empty
// if the process is gone.
func Family(root int) (map[int]Stat, error) {
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	all := map[int]Stat{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			return nil, err
		}
		if s, err := ReadStat(pid); err == nil { // else it has just ended
			all[pid] = s
		}
	}
	members := map[int]Stat{}
	for pid, s := range all {
		for at, steps := pid, 0; at > 0 && steps < len(all); at, steps = all[at].Parent, steps+1 {
			if at == root {
				members[pid] = s
				break
			}
		}
	}
	return members, nil
}

// Title is a process's first argument, or what it has set in its place; empty
// if the process is gone.
func Title(pid int) string {
	text, err := of(pid, "cmdline")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(text, "\x00")
	return first
}

// Resident is how many bytes a process has in memory.
func Resident(pid int) (uint64, error) { return status(pid, "VmRSS:") }

// PeakResident is the most that a process had in memory, in bytes.
func PeakResident(pid int) (uint64, error) { return status(pid, "VmHWM:") }

// ResetPeak sets the calling process's peak to what it has in memory now.
func ResetPeak() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// status reads a field of a process's status that is given in kB.
func status(pid int, field string) (uint64, error) {
	text, err := of(pid, "status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) >= 2 && words[0] == field {
			kib, err := strconv.ParseUint(words[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("the status of process %d has no %s", pid, field)
}

// Busy is what all processors have worked, and had taken from them by a
// hypervisor, since the machine started.
func Busy() (time.Duration, error) {
	text, err := Text("stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(text, "\n")
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
