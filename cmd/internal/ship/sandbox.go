package ship

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/sandbox"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
)

// sandbox reads -sandbox and tells once what the kernel offers: containers often
// forbid a part of it.
func (s *ship) sandbox() (supervise.SandboxMode, error) {
	mode := supervise.SandboxMode(s.cfg.Settings.Text("sandbox", string(supervise.TrySandbox)))
	switch mode {
	case supervise.NoSandbox:
		s.logger.Info("Sandbox: off")
		return mode, nil
	case supervise.RequireSandbox, supervise.TrySandbox:
	default:
		return mode, config.Complain("-sandbox=%s is neither \"require\" nor \"try\" nor \"off\"", mode)
	}
	if !s.cfg.Settings.Bool("multiprocess", true) {
		if mode == supervise.RequireSandbox {
			return mode, config.Complain("-sandbox=require cannot be had with -multiprocess=0: all parts are one process")
		}
		s.logger.Info("Sandbox: none, as all parts are one process")
		return supervise.NoSandbox, nil
	}
	if err := sandbox.Hide(); err != nil {
		s.logger.Warn(fmt.Sprintf("Sandbox: the supervisor's memory is open to its user: %v", err))
	}
	err := sandbox.Supported()
	switch {
	case err == nil:
		s.logger.Info("Sandbox: every process is confined to what its part needs")
	case mode == supervise.RequireSandbox:
		return mode, fmt.Errorf("-sandbox=require: %w", err)
	default:
		s.logger.Warn(fmt.Sprintf("Sandbox: not all of it is in force: %v. The kernel is too old, or a container forbids it; -sandbox=require would not start", err))
	}
	return mode, nil
}
