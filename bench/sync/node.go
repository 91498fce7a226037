package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// stopPatience is how long a node may take to write its state and end.
const stopPatience = 5 * time.Minute

// startedNode is a process of a system.
type startedNode struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan struct{} // closed when it has
	err    error         // how, after ended
	rpc    *client
	began  time.Time
}

func startNode(binary string, s system, p place) (*startedNode, error) {
	n := &startedNode{cmd: exec.Command(binary, s.args(p)...), ended: make(chan struct{}), rpc: newClient(p.rpcPort)}
	n.cmd.Stdout, n.cmd.Stderr = &n.output, &n.output
	n.cmd.WaitDelay = time.Second
	n.began = time.Now()
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		n.err = n.cmd.Wait()
		close(n.ended)
	}()
	return n, nil
}

// stop asks the node to end and waits for it.
func (n *startedNode) stop() error {
	n.rpc.close()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	late := time.AfterFunc(stopPatience, func() { _ = n.cmd.Process.Kill() })
	defer late.Stop()
	<-n.ended
	if n.err != nil {
		return fmt.Errorf("the node ended: %w\n%s", n.err, lastOf(n.output.Bytes()))
	}
	return nil
}

// lastOf is the end of a long output.
func lastOf(output []byte) []byte { return output[max(0, len(output)-2000):] }

// freePort returns a TCP port that was free a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// alive fails if the node has ended.
func (n *startedNode) alive(ctx context.Context) error {
	select {
	case <-n.ended:
		return fmt.Errorf("the node ended by itself: %v\n%s", n.err, lastOf(n.output.Bytes()))
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}
