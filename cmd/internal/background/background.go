package background

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// marker holds the number of the pipe's descriptor.
const marker = "BULKHEAD_READY_FD"

// pipeNumber is the first descriptor after standard input, output and error.
const pipeNumber = 3

// Child is the process in the background.
type Child struct{ ready *os.File }

// Begun returns the Child that this process is, nil if it is none. It is called once,
// before anything else is started, which must not believe that it is one.
func Begun() *Child {
	text := os.Getenv(marker)
	if text == "" {
		return nil
	}
	os.Unsetenv(marker)
	number, err := strconv.Atoi(text)
	if err != nil || number != pipeNumber {
		return nil
	}
	unix.CloseOnExec(pipeNumber)
	return &Child{os.NewFile(pipeNumber, "ready")}
}

// Ready lets go of standard output and error, and then of who waits. It may be called
// once.
func (c *Child) Ready() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for _, number := range []int{unix.Stdout, unix.Stderr} {
		if err := unix.Dup3(int(null.Fd()), number, 0); err != nil {
			return fmt.Errorf("letting go of the terminal: %w", err)
		}
	}
	// Who does not wait is gone.
	if _, err := c.ready.Write([]byte{1}); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	return c.ready.Close()
}

// Status returns the exit status of a process in the background that ended instead of
// getting ready; ok is false if err, of Start, is about something else.
func Status(err error) (status int, ok bool) {
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		return 0, false
	}
	return max(ended.ExitCode(), 1), true
}

// Start runs executable with args in the background. With wait it returns when that is
// ready, or with an error that has a Status if it ended instead, having told why on
// stderr.
func Start(executable string, args []string, wait bool, stderr io.Writer) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	defer write.Close()
	cmd := exec.Command(executable, args...)
	cmd.Env = append(os.Environ(), marker+"="+strconv.Itoa(pipeNumber))
	cmd.ExtraFiles = []*os.File{write}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if wait {
		// By way of this process, even if it is a file: what the other one starts has it
		// too, and whoever reads stderr to its end is not to wait for all of them.
		cmd.Stderr = struct{ io.Writer }{stderr}
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	if !wait {
		return cmd.Process.Release()
	}
	write.Close()
	if n, _ := read.Read(make([]byte, 1)); n == 1 {
		return cmd.Process.Release()
	}
	if err := cmd.Wait(); err != nil {
		return err
	}
	return nil // it was stopped before it was ready
}
