package supervise

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
	"github.com/bulkheadnode/bulkhead/cmd/internal/sandbox"
)

// Policy says what happens when a compartment ends by itself.
type Policy int

const (
	// Forever: it is started again, with growing pauses if it keeps failing.
	Forever Policy = iota
	// Once: it has done its work, or others see to its replacement.
	Once
	// Vital: it is started again when it fails; when it ends in order, the
	// whole ship does.
	Vital
	// Guest: as Forever, but one that fails before it was ever on the bus is
	// given up, and the ship sails on.
	Guest
)

// Spec describes a compartment.
type Spec struct {
	Role      rights.Role
	Instance  string
	Settings  any // encoded as JSON for the part
	Again     any // the settings after the first start, or a func() any that makes them; nil for the same
	Listeners []Socket
	Policy    Policy
	Single    bool          // a worker that has one connection only
	Patience  time.Duration // how long it may take to end in order; default 10 s
	// DocksWith is the role from whose processes it gets descriptors; "" for none.
	DocksWith rights.Role
	// UnixProxies are the paths of unix sockets at which a dialler dials.
	UnixProxies []string
	// Files are what the process may open besides what its role has in any case. They
	// are looked for at each start.
	Files sandbox.Files
	// Prepare is called before each start, if it is set, with all that the supervisor may.
	Prepare func() error
}

// Socket is a listening socket that processes can inherit.
type Socket interface {
	net.Listener
	syscall.Conn
}

// Sockets returns listeners as what processes can inherit.
func Sockets[S Socket](listeners []S) []Socket {
	list := make([]Socket, len(listeners))
	for i, l := range listeners {
		list[i] = l
	}
	return list
}

// Part runs a part with its settings until ctx ends.
type Part func(ctx context.Context, env part.Env, settings json.RawMessage) error

// boot is what a child process reads from its settings pipe.
type boot struct {
	Role      rights.Role
	Instance  string
	Settings  json.RawMessage
	Listeners int
	Mock      int64
	Mockable  bool
	Log       logging.Config
	Sandbox   SandboxMode
	Single    bool
	// UnixProxies and Files are those of the Spec.
	UnixProxies []string
	Files       sandbox.Files

	logFile *os.File // the child's own
}

// Descriptors that a child inherits.
const (
	linkFD     = 3
	bootFD     = 4
	logFD      = 5
	listenerFD = 6 // the first
)

// Status is what is known of a compartment.
type Status struct {
	Role     rights.Role
	Instance string
	PID      int
	Started  time.Time
	Restarts int
	RSS      int64 // bytes
	CPU      time.Duration
	Shared   int64 // of them, those of files and of other processes
	OnBus    bool  // since its last start
	Kills    int   // by Kill
	// Open is how many descriptors it has, Limit how many it may have; both 0 if the
	// system does not tell.
	Open, Limit int
	Filters     int // of system calls that are in force: 0 without a sandbox
	// Sandbox is what the process said, before anything from outside reached it, that
	// it is in; "" if it has not said so yet.
	Sandbox string
}
