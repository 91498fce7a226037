package supervise

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus/part"
)

// docks makes a pair of sockets for every two processes of which one is to get
// descriptors from the other: whenever one of them has started.
type docks struct {
	mu sync.Mutex
	// afloat are the processes that have their settings.
	afloat map[*compartment]lifeline
}

// join docks a process that has its settings with all that it belongs to.
func (d *docks) join(c *compartment, line lifeline) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.afloat == nil {
		d.afloat = map[*compartment]lifeline{}
	}
	d.afloat[c] = line
	var failed []error
	for other, otherLine := range d.afloat {
		if c.spec.DocksWith == other.spec.Role || other.spec.DocksWith == c.spec.Role {
			failed = append(failed, pair(c.spec.Instance, line, other.spec.Instance, otherLine))
		}
	}
	return errors.Join(failed...)
}

func (d *docks) leave(c *compartment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.afloat, c)
}

// pair gives each of two processes one end of a dock. One that has ended meanwhile
// needs none.
func pair(a string, lineA lifeline, b string, lineB lifeline) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("a dock between %s and %s: %w", a, b, err)
	}
	ends := [2]*os.File{os.NewFile(uintptr(fds[0]), "dock"), os.NewFile(uintptr(fds[1]), "dock")}
	defer ends[0].Close()
	defer ends[1].Close()
	for _, err := range []error{lineA.handOver(ends[0], aDock, b), lineB.handOver(ends[1], aDock, a)} {
		if err != nil && !over(err) {
			return fmt.Errorf("a dock between %s and %s: %w", a, b, err)
		}
	}
	return nil
}

// over reports whether a lifeline's process has ended.
func over(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// dockOf makes a dock of a descriptor that came by the lifeline.
func dockOf(f *os.File, peer string) (part.Dock, error) {
	conn, err := net.FileConn(f)
	if err != nil {
		return part.Dock{}, err
	}
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return part.Dock{}, fmt.Errorf("a dock is no unix socket but a %T", conn)
	}
	return part.Dock{Peer: peer, Conn: socket}, nil
}
