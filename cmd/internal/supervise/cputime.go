package supervise

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit in which /proc tells processor time: Linux shows user space
// hundredths of a second on every machine that Go runs on (USER_HZ).
const clockTick = 10 * time.Millisecond

// Where /proc/PID/stat has the time in user mode and in the kernel, counted from what
// follows the name of the program.
const (
	statUser   = 11
	statKernel = 12
)

// CPUTime reads from /proc how much processor time a process has taken, 0 if there is
// none.
func CPUTime(pid int) time.Duration {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name is in brackets and may hold anything, brackets too.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) <= statKernel {
		return 0
	}
	user, err := strconv.ParseInt(fields[statUser], 10, 64)
	if err != nil {
		return 0
	}
	kernel, err := strconv.ParseInt(fields[statKernel], 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(user+kernel) * clockTick
}
