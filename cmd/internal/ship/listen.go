package ship

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// binding is an address to listen on; onion marks one for Tor's local end, i2p one for
// that of a router of I2P.
type binding struct {
	addr     string
	onion    bool
	i2p      bool
	trusted  bool // it grants that who connects is not banned: not for strangers
	optional bool // failing to bind it is no error, as long as another one works
}

// listening applies the rules by which settings imply each other: -bind
// implies listening, -connect or -proxy without it implies the opposite.
func listening(s *config.Settings) bool {
	fallback := !s.Has("connect") && s.Int("maxconnections", 1) > 0 && !proxyGiven(s)
	if len(s.List("bind")) > 0 || len(s.List("whitebind")) > 0 || len(s.List("listenprofile")) > 0 {
		fallback = true
	}
	return s.Bool("listen", fallback)
}

// p2pEndpoints returns where peers may connect.
func p2pEndpoints(s *config.Settings, chain chains.Chain) ([]binding, error) {
	if !listening(s) {
		if len(s.List("bind"))+len(s.List("whitebind")) > 0 {
			return nil, config.Complain("Cannot set -bind or -whitebind together with -listen=0")
		}
		return nil, nil
	}
	port := int(s.Int("port", int64(chain.P2PPort())))
	list, err := namedEndpoints(s, port)
	if err != nil {
		return nil, err
	}
	named := len(list) > 0
	profiles, err := listenProfiles(s, port, 0)
	if err != nil {
		return nil, err
	}
	for _, p := range profiles {
		list = append(list, binding{addr: p.Bind.String()})
	}
	if twice := duplicateEndpoint(list); twice != "" {
		return nil, config.Complain("Duplicate binding configuration for address %s: it is named twice among -bind, -bind=...=onion, -whitebind and -listenprofile.", twice)
	}
	if !named {
		list = append([]binding{
			{addr: net.JoinHostPort("::", strconv.Itoa(port)), optional: true},
			{addr: net.JoinHostPort("0.0.0.0", strconv.Itoa(port)), optional: true},
			{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port+1)), onion: true, optional: true},
		}, list...)
	}
	if acceptsI2P(s) {
		list = append(list, binding{addr: anyLocalPort, i2p: true})
	}
	return list, nil
}

// anyLocalPort is where a router of I2P is told to connect to: the system chooses.
const anyLocalPort = "127.0.0.1:0"

// acceptsI2P reports whether peers of I2P may connect to us.
func acceptsI2P(s *config.Settings) bool {
	sam := s.Text("i2psam", "")
	return sam != "" && sam != "0" && s.Bool("i2pacceptincoming", true)
}

// namedEndpoints are those of -bind and -whitebind.
func namedEndpoints(s *config.Settings, port int) (list []binding, err error) {
	for _, bind := range s.List("bind") {
		addr, kind, _ := strings.Cut(bind, "=")
		onion := kind == "onion"
		defaultPort := port
		if onion {
			defaultPort = port + 1
		}
		resolved, err := withPort(addr, defaultPort)
		if err != nil || kind != "" && !onion {
			return nil, config.Complain("Cannot resolve -bind address: '%s'", bind)
		}
		list = append(list, binding{addr: resolved, onion: onion})
	}
	for _, bind := range s.List("whitebind") {
		names, addr, found := strings.Cut(bind, "@")
		if !found {
			addr = bind
		}
		resolved, err := withPort(addr, port)
		if err != nil {
			return nil, config.Complain("Cannot resolve -whitebind address: '%s'", bind)
		}
		trusted := !found || slices.Contains(strings.Split(names, ","), "noban") || slices.Contains(strings.Split(names, ","), "all")
		list = append(list, binding{addr: resolved, trusted: trusted})
	}
	return list, nil
}

func duplicateEndpoint(list []binding) string {
	seen := map[string]bool{}
	for _, e := range list {
		if seen[e.addr] {
			return e.addr
		}
		seen[e.addr] = true
	}
	return ""
}

// rpcEndpoints returns where JSON-RPC clients may connect, and warnings.
func rpcEndpoints(s *config.Settings, chain chains.Chain) (list []binding, warnings []string, err error) {
	port := int(s.Int("rpcport", int64(chain.RPCPort)))
	allow := s.List("rpcallowip")
	bind := slices.DeleteFunc(s.List("rpcbind"), isSocket)
	if len(allow) == 0 || len(bind) == 0 {
		if len(allow) > 0 {
			warnings = append(warnings, "Option -rpcallowip was specified without -rpcbind; this doesn't usually make sense")
		}
		if len(bind) > 0 {
			warnings = append(warnings, "Option -rpcbind was ignored because -rpcallowip was not specified, refusing to allow everyone to connect")
		}
		return []binding{
			{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), optional: true},
			{addr: net.JoinHostPort("::1", strconv.Itoa(port)), optional: true},
		}, warnings, nil
	}
	for _, addr := range bind {
		resolved, err := withPort(addr, port)
		if err != nil {
			return nil, nil, config.Complain("Invalid port specified in -rpcbind: '%s'", addr)
		}
		list = append(list, binding{addr: resolved})
	}
	return list, warnings, nil
}

// isSocket reports whether an address is a unix socket's.
func isSocket(addr string) bool { return strings.HasPrefix(addr, p2p.UnixPrefix) }

// listenRPCSockets opens the unix sockets of -rpcbind. They are beside those of TCP, and
// -rpcallowip is not about them: the system lets only the node's own user connect.
func listenRPCSockets(s *config.Settings, layout *config.Layout, log *slog.Logger) (listeners []supervise.Socket, err error) {
	for _, text := range s.List("rpcbind") {
		if !isSocket(text) {
			continue
		}
		addr, err := busAddress("rpcbind", text, layout)
		if err != nil {
			return listeners, err
		}
		l, err := addr.Listen()
		if err != nil {
			return listeners, errors.New(busBindError(addr, err))
		}
		log.Info(fmt.Sprintf("Bound to %s", addr))
		listeners = append(listeners, l.(supervise.Socket)) // one of unix is one
	}
	return listeners, nil
}

// withPort completes HOST or HOST:PORT; an IPv6 host with a port is in
// brackets.
func withPort(addr string, port int) (string, error) {
	host := addr
	if h, p, err := net.SplitHostPort(addr); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", fmt.Errorf("bad port %q", p)
		}
		host, port = h, int(n)
	}
	host = strings.Trim(host, "[]")
	if net.ParseIP(host) == nil && host != "localhost" {
		return "", fmt.Errorf("bad address %q", addr)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// listenAll opens the endpoints. notes says what was bound.
func listenAll(list []binding) (listeners []*net.TCPListener, notes []string, err error) {
	for _, e := range list {
		network := "tcp4"
		if strings.HasPrefix(e.addr, "[") {
			network = "tcp6" // never both: 0.0.0.0 has a socket of its own
		}
		l, err := net.Listen(network, e.addr)
		if err == nil {
			listeners = append(listeners, l.(*net.TCPListener))
			notes = append(notes, "Bound to "+l.Addr().String())
			continue
		}
		text := bindError(e.addr, err)
		if !e.optional || errors.Is(err, syscall.EADDRINUSE) {
			closeListeners(listeners)
			return nil, nil, errors.New(text)
		}
		notes = append(notes, text)
	}
	return listeners, notes, nil
}

func bindError(addr string, err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Sprintf("Unable to bind to %s on this computer. %s is probably already running.", addr, Name)
	}
	reason := err
	var errno syscall.Errno
	if errors.As(err, &errno) {
		reason = errno
	}
	return fmt.Sprintf("Unable to bind to %s on this computer (bind returned error %v)", addr, reason)
}

func closeListeners[L net.Listener](listeners []L) {
	for _, l := range listeners {
		l.Close()
	}
}
