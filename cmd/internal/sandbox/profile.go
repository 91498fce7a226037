package sandbox

import (
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"
)

// Profile is what a process may do.
type Profile struct {
	// only, if not nil, lists all system calls there are; refused are those that
	// there are not.
	only, refused []string
	// sockets tells which may be made.
	sockets sockets
	// files are all that may be opened.
	files Files
	// unix are the unix sockets that may be connected to, with inetSockets.
	unix []string
	// descriptors is how many the process may have, 0 for as many as before.
	descriptors uint64
}

// sockets is a choice of those that a process may make.
type sockets int

const (
	noSockets    sockets = iota
	inetSockets          // TCP and UDP
	proxySockets         // those, and streams of unix sockets
	anySockets           // those, and all unix sockets
)

// resolverFiles are read to look up names.
var resolverFiles = []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"}

// Far returns the profile of a part that runs on its own, for a node elsewhere: it opens
// its files and makes its connections itself, again and again.
func Far() Profile {
	return Profile{refused: hostileCalls, sockets: anySockets, files: Files{All: true}}
}

// For returns the profile of a role, which may open nothing but what it looks up names
// with: see With.
//
// Node and wallet hold what all others want, and need no network: their only
// socket is the link that they inherit. Gateway and notifier inherit the sockets at
// which they are reached, and take connections from there. A worker faces strangers: it
// has no file, and makes no socket; single tells that it is to have one connection only.
// The dialler makes them, and has the files that tell how to look up names; proxies are
// the paths of unix sockets at which it dials.
func For(role rights.Role, single bool, proxies []string) Profile {
	switch role {
	case roles.Worker:
		p := Profile{only: workerCalls, sockets: noSockets}
		if single {
			p.descriptors = 256
		}
		return p
	case roles.Dialler:
		p := Profile{only: diallerCalls, sockets: inetSockets, files: Files{Read: resolverFiles}, unix: proxies}
		if len(proxies) > 0 {
			p.sockets = proxySockets
		}
		return p
	case roles.Peers:
		return Profile{refused: slices.Concat(hostileCalls, []string{"accept", "accept4", "listen"}), sockets: inetSockets, files: Files{Read: resolverFiles}}
	case roles.Gateway, roles.Notify:
		return Profile{refused: slices.Concat(hostileCalls, farCalls), sockets: noSockets}
	}
	return Profile{refused: hostileCalls, sockets: noSockets}
}
