package main

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

// process is a copy of this program with a role.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
}

// startProcess returns when the process is ready. It is killed when ctx ends.
func startProcess(ctx context.Context, s spec) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	p := &process{name: s.System + " " + s.Role, cmd: exec.CommandContext(ctx, self, asProcess, string(text))}
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
	if err := p.receive(patience, nil); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// ask sends a command and stores the answer in value, if that is not nil.
func (p *process) ask(c command, value any) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if err := p.receive(c.Duration+c.Load.Duration+2*patience, value); err != nil {
		return fmt.Errorf("%s, asked to %s: %w", p.name, c.Do, err)
	}
	return nil
}

// receive kills the process if it does not answer in time.
func (p *process) receive(within time.Duration, value any) error {
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

// stop ends the process's input and waits for it to end.
func (p *process) stop() error {
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}
