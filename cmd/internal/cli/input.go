package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// maxInput bounds what is read from standard input: no node takes longer requests.
const maxInput = 32 << 20

// input is standard input, and where somebody is asked for it.
type input struct {
	stream io.Reader
	lines  *bufio.Reader
	left   *io.LimitedReader
	prompt io.Writer
}

func newInput(stream io.Reader, prompt io.Writer) *input {
	left := &io.LimitedReader{R: stream, N: maxInput}
	return &input{stream: stream, left: left, lines: bufio.NewReader(left), prompt: prompt}
}

// readInput adds what comes from standard input: password, passphrase, arguments.
func (c *client) readInput() error {
	if c.settings.Bool("stdinrpcpass", false) {
		password, err := c.input.secret("RPC password> ")
		if err != nil {
			return errors.New("-stdinrpcpass specified but failed to read from standard input")
		}
		c.password = &password
	}
	if c.settings.Bool("stdinwalletpassphrase", false) {
		if len(c.words) == 0 || !strings.HasPrefix(c.words[0], "walletpassphrase") {
			return errors.New("-stdinwalletpassphrase is only applicable for walletpassphrase(change)")
		}
		passphrase, err := c.input.secret("Wallet passphrase> ")
		if err != nil {
			return errors.New("-stdinwalletpassphrase specified but failed to read from standard input")
		}
		c.words = slices.Insert(slices.Clone(c.words), 1, passphrase)
	}
	if !c.settings.Bool("stdin", false) {
		return nil
	}
	more, err := c.input.rest()
	c.words = append(slices.Clone(c.words), more...)
	return err
}

// line reads one line, the last one perhaps without its end. io.EOF means that there is
// none.
func (in *input) line() (string, error) {
	text, err := in.lines.ReadString('\n')
	if in.left.N <= 0 {
		return "", fmt.Errorf("standard input has more than %d bytes", maxInput)
	}
	if text != "" && errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSuffix(text, "\n"), err
}

// rest reads all lines up to the end.
func (in *input) rest() (lines []string, err error) {
	for {
		text, err := in.line()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, text)
	}
}

// secret reads one line. On a terminal it asks for it and shows nothing of it.
func (in *input) secret(question string) (string, error) {
	if !isTerminal(in.stream) {
		return in.line()
	}
	fmt.Fprint(in.prompt, question)
	defer fmt.Fprintln(in.prompt)
	fd := int(in.stream.(*os.File).Fd())
	defer restoreAtSignal(fd)()
	text, err := term.ReadPassword(fd)
	return string(text), err
}

// restoreAtSignal makes a signal that ends the process switch the echo of a terminal
// on again, until stop is called: it would stay off for whoever uses the terminal next.
func restoreAtSignal(fd int) (stop func()) {
	state, err := term.GetState(fd)
	if err != nil {
		return func() {}
	}
	signals, done, ended := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		defer close(ended)
		select {
		case sig := <-signals:
			_ = term.Restore(fd, state)
			signal.Stop(signals)
			_ = syscall.Kill(os.Getpid(), sig.(syscall.Signal)) // without a handler it ends this process
		case <-done:
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
		<-ended
	}
}
