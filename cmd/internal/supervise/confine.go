package supervise

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/cmd/internal/sandbox"
)

// SandboxMode says whether processes are put in a sandbox: see package sandbox.
type SandboxMode string

// The modes.
const (
	RequireSandbox SandboxMode = "require" // a process that cannot be confined does not run
	TrySandbox     SandboxMode = "try"     // as far as the kernel lets it
	NoSandbox      SandboxMode = "off"
)

// confine puts the process in the sandbox of its role, before anything from outside
// reaches it.
func (b *boot) confine(env *part.Env) error {
	if b.Sandbox != RequireSandbox && b.Sandbox != TrySandbox {
		return nil
	}
	box, err := sandbox.Enter(sandbox.For(b.Role, b.Single))
	if err != nil && b.Sandbox == RequireSandbox {
		return fmt.Errorf("sandbox of %s: %w", b.Instance, err)
	}
	if err != nil {
		env.Logger.Debug(fmt.Sprintf("Sandbox of %s is not whole: %v", b.Instance, err)) // the supervisor tells once what the kernel lacks
	}
	line := fmt.Sprintf("Sandbox of %s: %s", b.Instance, box)
	if b.Single {
		env.Logger.Debug(line)
	} else {
		env.Logger.Info(line)
	}
	if b.Single {
		env.Seal = func() error {
			err := box.Seal()
			switch {
			case err == nil:
				return nil
			case b.Sandbox == RequireSandbox:
				return fmt.Errorf("sealing the sandbox: %w", err)
			}
			env.Logger.Debug(fmt.Sprintf("Sandbox of %s is not sealed: %v", b.Instance, err))
			return nil
		}
	}
	return nil
}

// filters reads how many seccomp filters are in force for a process.
func filters(pid int) int {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if count, ok := strings.CutPrefix(line, "Seccomp_filters:"); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(count))
			return n
		}
	}
	return 0
}
