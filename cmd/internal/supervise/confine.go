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
// It returns what is in force.
func (b *boot) confine(env *part.Env) (string, error) {
	if b.Sandbox != RequireSandbox && b.Sandbox != TrySandbox {
		return string(NoSandbox), nil
	}
	// Inside, nobody can ask. What the kernel lacks, the supervisor tells once.
	complain := env.Logger.Warn
	if sandbox.Supported() != nil {
		complain = env.Logger.Debug
	}
	box, err := sandbox.Enter(sandbox.For(b.Role, b.Single, b.UnixProxies).With(b.Files))
	if err := b.excuse(err, complain); err != nil {
		return "", err
	}
	tell := env.Logger.Info
	if b.Single {
		tell = env.Logger.Debug // there is one for each connection
		env.Seal = func() error { return b.excuse(box.Seal(), complain) }
	}
	tell(fmt.Sprintf("Sandbox of %s: %s", b.Instance, box))
	return box.String(), nil
}

// excuse lets a process go on that could not be confined, unless it has to be.
func (b *boot) excuse(err error, complain func(string, ...any)) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("sandbox of %s: %w", b.Instance, err)
	if b.Sandbox == RequireSandbox {
		return err
	}
	complain(err.Error())
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
