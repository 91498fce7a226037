package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// serverPatience is how long the serving process may take to read the chain,
// and to end.
const serverPatience = time.Minute

// serverProcess is the copy of this program that serves the chain.
type serverProcess struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	address string
}

func startServer(path string) (*serverProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &serverProcess{cmd: exec.Command(self, asServer, path)}
	s.cmd.Stderr = os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(serverPatience, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the serving process does not answer: %w", err), s.stop())
	}
	s.address = strings.TrimSpace(line)
	return s, nil
}

// cpu is what it has used.
func (s *serverProcess) cpu() (time.Duration, error) {
	stat, err := readStat(s.cmd.Process.Pid)
	return stat.cpu, err
}

// stop ends its input and waits for its end.
func (s *serverProcess) stop() error {
	late := time.AfterFunc(serverPatience, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	s.in.Close()
	return s.cmd.Wait()
}
