package ship

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// binding is an address to listen on; onion marks one for Tor's local end.
type binding struct {
	addr     string
	onion    bool
	optional bool // failing to bind it is no error, as long as another one works
}

// listening applies the rules by which settings imply each other: -bind
// implies listening, -connect without it implies the opposite.
func listening(s *config.Settings) bool {
	fallback := !s.Has("connect") && s.Int("maxconnections", 1) > 0
	if len(s.List("bind")) > 0 || len(s.List("whitebind")) > 0 {
		fallback = true
	}
	return s.Bool("listen", fallback)
}

// p2pEndpoints returns where peers may connect.
func p2pEndpoints(s *config.Settings, chain config.ChainInfo) ([]binding, error) {
	if !listening(s) {
		return nil, nil
	}
	port := int(s.Int("port", int64(chain.P2PPort)))
	var list []binding
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
		_, addr, found := strings.Cut(bind, "@")
		if !found {
			addr = bind
		}
		resolved, err := withPort(addr, port)
		if err != nil {
			return nil, config.Complain("Cannot resolve -whitebind address: '%s'", bind)
		}
		list = append(list, binding{addr: resolved})
	}
	if twice := duplicateEndpoint(list); twice != "" {
		return nil, config.Complain("Duplicate binding configuration for address %s: it is named twice among -bind, -bind=...=onion and -whitebind.", twice)
	}
	if len(list) == 0 {
		list = []binding{
			{addr: net.JoinHostPort("::", strconv.Itoa(port)), optional: true},
			{addr: net.JoinHostPort("0.0.0.0", strconv.Itoa(port)), optional: true},
			{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port+1)), onion: true, optional: true},
		}
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
func rpcEndpoints(s *config.Settings, chain config.ChainInfo) (list []binding, warnings []string, err error) {
	port := int(s.Int("rpcport", int64(chain.RPCPort)))
	allow, bind := s.List("rpcallowip"), s.List("rpcbind")
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

// allowedNetworks reads -rpcallowip.
func allowedNetworks(s *config.Settings) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range s.List("rpcallowip") {
		prefix, err := parseNetwork(text)
		if err != nil {
			return nil, config.Complain("Invalid -rpcallowip subnet specification: %s. Valid values are a single IP (e.g. 1.2.3.4), a network/netmask (e.g. 1.2.3.4/255.255.255.0), a network/CIDR (e.g. 1.2.3.4/24), all ipv4 (0.0.0.0/0), or all ipv6 (::/0). RFC4193 is allowed only if -cjdnsreachable=0.", text)
		}
		networks = append(networks, prefix)
	}
	return networks, nil
}

// parseNetwork reads an address, a CIDR network, or an IPv4 network with a
// dotted mask.
func parseNetwork(text string) (netip.Prefix, error) {
	host, mask, hasMask := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}, err
	}
	if !hasMask {
		return addr.Prefix(addr.BitLen())
	}
	if ip := net.ParseIP(mask).To4(); ip != nil && addr.Is4() {
		ones, bits := net.IPMask(ip).Size()
		if bits == 0 {
			return netip.Prefix{}, fmt.Errorf("mask %s has holes", mask)
		}
		return addr.Prefix(ones)
	}
	ones, err := strconv.Atoi(mask)
	if err != nil {
		return netip.Prefix{}, err
	}
	return addr.Prefix(ones)
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
			notes = append(notes, "Bound to "+e.addr)
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
