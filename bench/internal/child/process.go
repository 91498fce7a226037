package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// argument is the first of a child's; its spec is the second.
const argument = "as"

// Process is a child, seen by the program that started it.
type Process struct {
	name     string
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *json.Decoder
	patience time.Duration
}

// Start starts a copy of the program that is told spec, and returns when it
// has said hello, which is stored in hello if that is not nil. The child is
// killed when ctx ends, or when it takes longer than patience to say hello or
// to end. The name is for errors.
func Start(ctx context.Context, name string, spec any, patience time.Duration, hello any) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	p := &Process{name: name, cmd: exec.CommandContext(ctx, self, argument, string(text)), patience: patience}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.out = json.NewDecoder(out)
	if err := p.receive(patience, hello); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// PID is the child's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends the child a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Ask sends a command and stores the answer in value, if that is not nil. The
// child is killed if it takes longer than within.
func (p *Process) Ask(command any, within time.Duration, value any) error {
	text, err := json.Marshal(command)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if err := p.receive(within, value); err != nil {
		return fmt.Errorf("%s, asked %s: %w", p.name, text, err)
	}
	return nil
}

func (p *Process) receive(within time.Duration, value any) error {
	late := time.AfterFunc(within, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	var r response
	if err := p.out.Decode(&r); err != nil {
		return fmt.Errorf("%s does not answer: %w", p.name, err)
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(r.Value, value)
}

// Stop ends the child's input and waits for it to end.
func (p *Process) Stop() error {
	late := time.AfterFunc(p.patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}
