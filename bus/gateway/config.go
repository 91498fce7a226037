package gateway

import (
	"net/netip"
	"time"
)

// Config is what the gateway needs. It crosses to the process as JSON.
type Config struct {
	// Accounts that may log in.
	Accounts []Account
	// Whitelists say which commands some of them may call, and ListedOnly whether the
	// others may call none.
	Whitelists Whitelists
	ListedOnly bool
	// Allow lists the networks that may connect besides loopback.
	Allow   []netip.Prefix
	Threads int // calls at a time to each compartment, and long results from it
	Queue   int // as many of either may wait for that, for each compartment
	Timeout time.Duration
	// Hold is how long a call waits for a compartment that is being restarted; 0 for not
	// at all.
	Hold    time.Duration
	LogPath string // shown by getrpcinfo
	// Product and Version are what getopenrpcinfo says that it describes.
	Product, Version string
	REST             bool // serve the REST interface beside JSON-RPC
	// Metrics is how many of the listeners, the last ones, serve metrics
	// instead of JSON-RPC.
	Metrics int
}

func (c Config) withDefaults() Config {
	if c.Threads <= 0 {
		c.Threads = 16
	}
	if c.Queue <= 0 {
		c.Queue = 64
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	return c
}
