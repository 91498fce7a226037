package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/secure"
)

// Address is where an endpoint listens.
type Address struct {
	Network string // "unix" or "tcp"
	Target  string // a path, or HOST:PORT
}

// maxPath is what fits into a sockaddr_un with its final zero.
const maxPath = 107

// ParseAddress reads unix:PATH, tcp://HOST:PORT or tcp:HOST:PORT. An IPv6
// host is in brackets.
func ParseAddress(text string) (Address, error) {
	network, target, found := strings.Cut(text, ":")
	target = strings.TrimPrefix(target, "//")
	switch {
	case found && network == "unix":
		return parsePath(target)
	case found && network == "tcp":
		return parseHost(target)
	}
	return Address{}, errors.New("want unix:PATH or tcp://HOST:PORT")
}

func parsePath(path string) (Address, error) {
	switch {
	case path == "":
		return Address{}, errors.New("a unix socket needs a path")
	case strings.ContainsRune(path, 0) || path[0] == '@':
		return Address{}, errors.New("a socket without a file is open to every user of the machine")
	case len(path) > maxPath:
		return Address{}, fmt.Errorf("a socket's path has at most %d bytes, this one %d", maxPath, len(path))
	}
	return Address{Network: "unix", Target: path}, nil
}

func parseHost(target string) (Address, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil || host == "" {
		return Address{}, errors.New("want HOST:PORT, an IPv6 host in brackets")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Address{}, fmt.Errorf("%q is no port", port)
	}
	return Address{Network: "tcp", Target: target}, nil
}

func (a Address) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Target
	}
	return a.Network + "://" + a.Target
}

// Attach connects to an endpoint and performs the handshake. From then on a
// node that falls silent for Silence ends the connection, if the link over it
// pings as FarLimits says.
func (a Address) Attach(ctx context.Context, cfg secure.ClientConfig) (*secure.Conn, error) {
	return a.attach(ctx, cfg, Silence)
}

func (a Address) attach(ctx context.Context, cfg secure.ClientConfig, silence time.Duration) (*secure.Conn, error) {
	nc, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	tied := newLiveConn(nc)
	conn := secure.Client(tied, cfg)
	if err := conn.Handshake(ctx); err != nil {
		return nil, err
	}
	tied.watch(silence)
	return conn, nil
}

func (a Address) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, a.Network, a.Target)
}

// Listen opens a listener. The file of a unix socket is for its owner alone;
// one that a dead process left is replaced. An address in use is
// syscall.EADDRINUSE.
func (a Address) Listen() (net.Listener, error) {
	if a.Network != "unix" {
		return net.Listen(a.Network, a.Target)
	}
	if err := clearSocket(a.Target); err != nil {
		return nil, err
	}
	l, err := net.Listen(a.Network, a.Target)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(a.Target, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// probePatience bounds how long a socket's owner is looked for.
const probePatience = time.Second

// clearSocket removes a socket file that nobody listens on.
func clearSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there and is no socket", path)
	}
	nc, err := net.DialTimeout("unix", path, probePatience)
	switch {
	case err == nil:
		nc.Close()
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	// Whatever else the probe met, such as a full backlog, somebody is there.
	return fmt.Errorf("%s: %w", path, syscall.EADDRINUSE)
}
