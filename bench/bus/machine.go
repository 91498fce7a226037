package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine is where and of what a run was made.
type machine struct {
	Date   string
	CPU    string
	Cores  int
	Kernel string
	Go     string
	Commit string // empty if it cannot be told
	Load   string // average of the minute before the run: others at work make a figure worse
}

func thisMachine() machine {
	load, _, _ := strings.Cut(procLine("loadavg"), " ")
	return machine{
		Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), CPU: cpuModel(), Cores: runtime.NumCPU(),
		Kernel: procLine("sys/kernel/osrelease"),
		Go:     runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, Commit: commit(), Load: load,
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
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// commit asks git, because go run leaves no version in the program.
func commit() string {
	hash, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return ""
	}
	text := strings.TrimSpace(string(hash))
	if changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err == nil && len(changed) > 0 {
		text += " with changes"
	}
	return text
}

func (m machine) String() string {
	text := fmt.Sprintf("%s, %s, %d cores, Linux %s, %s, load %s before", m.Date, m.CPU, m.Cores, m.Kernel, m.Go, m.Load)
	if m.Commit != "" {
		text += ", commit " + m.Commit
	}
	return text
}
