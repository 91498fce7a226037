package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// Config is what a run works with.
type Config struct {
	Name     string    // of the software, which -version and -netinfo tell
	Version  string    // its own
	Args     []string  // the command line behind the program's name
	Commands rpc.Table // by which words become JSON; those that are not in it get strings
	Home     string    // the user's directory, with the default data directory
	Stdin    io.Reader // if it is a terminal, secrets are asked for without echo
	Stdout   io.Writer
	Stderr   io.Writer
}

// client is one run.
type client struct {
	cfg      Config
	settings *config.Settings
	layout   *config.Layout
	words    []string // the command and its arguments
	input    *input
	password *string // from standard input, nil for none
}

// Main is Run for this process. status is its exit code.
func Main(name, version string, args []string, commands rpc.Table) (status int) {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "."
	}
	return Run(context.Background(), Config{
		Name: name, Version: version, Args: args, Commands: commands, Home: home,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
}

// Run does what the command line says. status is zero if that went well, the
// magnitude of the error's code if the node answered with one, and else one.
func Run(ctx context.Context, cfg Config) (status int) {
	c := &client{cfg: cfg, input: newInput(cfg.Stdin, cfg.Stderr)}
	done, err := c.begin()
	if err == nil && !done {
		var text string
		if text, err = c.work(ctx); err == nil && text != "" {
			_, err = fmt.Fprintln(cfg.Stdout, text)
		}
	}
	return c.report(err)
}

// report prints an error and returns the exit code.
func (c *client) report(err error) int {
	if err == nil {
		return 0
	}
	var refused *refusal
	var unfit *startError
	switch {
	case errors.As(err, &refused):
		fmt.Fprintln(c.cfg.Stderr, refused.text())
		return refused.status()
	case errors.As(err, &unfit):
		fmt.Fprintln(c.cfg.Stderr, unfit)
	default:
		fmt.Fprintf(c.cfg.Stderr, "error: %v\n", err)
	}
	return 1
}

// startError is a fault in options or files. Bitcoin Core's client tells it in another
// form than what fails later.
type startError struct{ text string }

func (e *startError) Error() string {
	if strings.HasPrefix(e.text, "Error ") {
		return e.text
	}
	return "Error: " + e.text
}

// begin reads options and files; done tells that they asked for no more than a text.
func (c *client) begin() (done bool, err error) {
	c.settings, c.words, err = config.ParseOptions(options(), c.cfg.Args)
	switch {
	case err != nil:
		return true, &startError{err.Error()}
	case c.settings.Bool("version", false):
		return true, c.print(versionText(c.cfg))
	case len(c.cfg.Args) == 0 || c.settings.HelpWanted():
		if err := c.print(helpText(c.cfg)); err != nil || len(c.cfg.Args) > 0 {
			return true, err
		}
		return true, &startError{"too few parameters"}
	case c.settings.Has("completion"):
		script, err := completion(c.settings.Text("completion", ""), c.cfg.Commands)
		if err != nil {
			return true, &startError{err.Error()}
		}
		return true, c.print(script)
	}
	if c.layout, err = c.settings.LoadClient(c.cfg.Home); err != nil {
		return true, &startError{err.Error()}
	}
	for len(c.words) > 0 && strings.HasPrefix(c.words[0], "-") {
		c.words = c.words[1:] // a lone hyphen ends the options
	}
	return false, nil
}

func (c *client) print(text string) error {
	_, err := io.WriteString(c.cfg.Stdout, text)
	return err
}

// work makes the request and returns what is to be printed.
func (c *client) work(ctx context.Context) (string, error) {
	if err := c.readInput(); err != nil {
		return "", err
	}
	if err := c.checkModes(); err != nil {
		return "", err
	}
	switch {
	case c.settings.Bool("getinfo", false):
		return c.getInfo(ctx)
	case c.settings.Bool("netinfo", false):
		return c.netInfo(ctx)
	case c.settings.Bool("generate", false):
		return c.generate(ctx)
	case c.settings.Bool("addrinfo", false):
		return c.addrInfo(ctx)
	}
	return c.command(ctx)
}

// command makes the request that the words are.
func (c *client) command(ctx context.Context) (string, error) {
	if len(c.words) == 0 {
		return "", errors.New("too few parameters (need at least command)")
	}
	method := c.words[0]
	convert := positional
	if c.settings.Bool("named", false) {
		convert = named
	}
	command, _ := c.cfg.Commands.Find(method)
	params, err := convert(command, c.words[1:])
	if err != nil {
		return "", err
	}
	result, err := c.ask(ctx, c.wallet(), request{id: quote(c.settings.Text("rpcid", "1")), method: method, params: params})
	if err != nil {
		return "", err
	}
	return show(result)
}

// isTerminal reports whether somebody reads or writes there.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
