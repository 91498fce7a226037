package machine

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bench/internal/proc"
)

// Machine is where and of what a run was made. What cannot be told is
// "unknown".
type Machine struct {
	Date   string
	CPU    string
	Cores  int
	Kernel string
	Go     string
	Commit string
	Load   string // average of the minute before the run: others at work make a figure worse
}

// This describes the machine at the present moment.
func This() Machine {
	load, _, _ := strings.Cut(known(proc.Text("loadavg")), " ")
	return Machine{
		Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), CPU: cpuModel(), Cores: runtime.NumCPU(),
		Kernel: known(proc.Text("sys/kernel/osrelease")),
		Go:     runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, Commit: known(commit()), Load: load,
	}
}

// String is one line for the head of a report.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %s, %d cores, Linux %s, %s, load %s before, commit %s", m.Date, m.CPU, m.Cores, m.Kernel, m.Go, m.Load, m.Commit)
}

// known is a text, or says that there is none: a report without it is still
// one.
func known(text string, err error) string {
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(text)
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
func commit() (string, error) {
	hash, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(hash))
	if changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err == nil && len(changed) > 0 {
		text += " with changes"
	}
	return text, nil
}
