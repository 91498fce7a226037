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
	mode, err := sandboxMode(s.cfg.Settings)
	if err != nil {
		return mode, err
	}
	if mode == supervise.NoSandbox {
		s.logger.Info("Sandbox: off")
		return mode, nil
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
	err = sandbox.Supported()
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

// sandboxMode reads -sandbox.
func sandboxMode(settings *config.Settings) (supervise.SandboxMode, error) {
	mode := supervise.SandboxMode(settings.Text("sandbox", string(supervise.TrySandbox)))
	switch mode {
	case supervise.NoSandbox, supervise.RequireSandbox, supervise.TrySandbox:
		return mode, nil
	}
	return mode, config.Complain("-sandbox=%s is neither \"require\" nor \"try\" nor \"off\"", mode)
}

// confine puts a part that runs on its own in its sandbox, before it has a link.
func (r *remote) confine() error {
	mode, err := sandboxMode(r.cfg.Settings)
	if err != nil {
		return err
	}
	if mode == supervise.NoSandbox {
		r.logger.Info("Sandbox: off")
		return nil
	}
	box, err := sandbox.Enter(sandbox.Far())
	switch {
	case err == nil:
	case mode == supervise.RequireSandbox:
		return fmt.Errorf("-sandbox=require: %w", err)
	default:
		r.logger.Warn(fmt.Sprintf("Sandbox: not all of it is in force: %v. The kernel is too old, or a container forbids it; -sandbox=require would not start", err))
	}
	r.logger.Info(fmt.Sprintf("Sandbox of %s: %s", r.instance(), box))
	return nil
}
