package main_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// host is where a program runs: a network namespace by name, or this machine.
type host struct{ namespace string }

// newHost makes a network namespace that ends with the test.
func newHost(t testing.TB, letter string) host {
	t.Helper()
	require.Zero(t, os.Geteuid(), "this test makes network namespaces, which needs root; go test -skip leaves it out")
	h := host{fmt.Sprintf("bulkhead-%d-%s", os.Getpid(), letter)}
	ip(t, "netns", "add", h.namespace)
	t.Cleanup(func() { ip(t, "netns", "del", h.namespace) })
	ip(t, "-n", h.namespace, "link", "set", "lo", "up")
	return h
}

// ip runs the program of that name (iproute2).
func ip(t testing.TB, args ...string) {
	t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	require.NoError(t, err, "ip %s: %s", strings.Join(args, " "), out)
}

// cable joins two hosts with a pair of interfaces in a network of their own.
type cable struct {
	t    testing.TB
	host host
	name string
}

// connect lays a cable; the hosts get the addresses .1 and .2 of the network.
func connect(t testing.TB, a, b host, network string) cable {
	t.Helper()
	letter := func(h host) string { return h.namespace[len(h.namespace)-1:] }
	hosts, ends := []host{a, b}, []string{"to-" + letter(b), "to-" + letter(a)}
	ip(t, "link", "add", ends[0], "netns", a.namespace, "type", "veth", "peer", "name", ends[1], "netns", b.namespace)
	for i, h := range hosts {
		ip(t, "-n", h.namespace, "addr", "add", fmt.Sprintf("%s.%d/24", network, i+1), "dev", ends[i])
		ip(t, "-n", h.namespace, "link", "set", ends[i], "up")
	}
	return cable{t, a, ends[0]}
}

// set cuts the cable ("down") or mends it ("up").
func (c cable) set(state string) {
	c.t.Helper()
	ip(c.t, "-n", c.host.namespace, "link", "set", c.name, state)
}

// command is exec.Command on the host.
func (h host) command(program string, args ...string) *exec.Cmd {
	if h.namespace == "" {
		return exec.Command(program, args...)
	}
	return exec.Command("ip", append([]string{"netns", "exec", h.namespace, program}, args...)...)
}

// client is an HTTP client on the host.
func (h host) client() *http.Client {
	if h.namespace == "" {
		return &http.Client{Timeout: patience}
	}
	return &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: h.dial, DisableKeepAlives: true}}
}

// dial opens a connection from the host. A socket belongs to the namespace of
// the thread that made it.
func (h host) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	// The thread has to live on: with it would end the processes that it began.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer own.Close()
	there, err := os.Open(filepath.Join("/run/netns", h.namespace))
	if err != nil {
		return nil, err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	defer func() {
		if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(fmt.Sprintf("a thread is lost in namespace %s: %v", h.namespace, err))
		}
	}()
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
