package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine is where and of what a run was made.
type machine struct {
	date, cpu, kernel, commit string
	load                      string // average of the minute before: others at work make a figure worse
	cores                     int
}

func thisMachine() machine {
	load, _, _ := strings.Cut(procLine("loadavg"), " ")
	return machine{
		date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), cpu: cpuModel(), cores: runtime.NumCPU(),
		kernel: procLine("sys/kernel/osrelease"), commit: commit(), load: load,
	}
}

// procLine reads a file of one line below /proc.
func procLine(name string) string {
	text, err := os.ReadFile("/proc/" + name)
	if err != nil {
		return "unknown" // a header without it is still one
	}
	return strings.TrimSpace(string(text))
}

func cpuModel() string {
	for line := range strings.Lines(procLine("cpuinfo")) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// commit asks git, because go run leaves no version in the program.
func commit() string {
	hash, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	text := strings.TrimSpace(string(hash))
	if changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err == nil && len(changed) > 0 {
		text += " with changes"
	}
	return text
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %s, %d cores, Linux %s, %s, commit %s, load %s before",
		m.date, m.cpu, m.cores, m.kernel, runtime.Version(), m.commit, m.load)
}
