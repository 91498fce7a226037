package logging

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Categories returns Bitcoin Core's logging categories and our own, ipc being both,
// in alphabetical order.
func Categories() []string {
	return []string{
		"addrman", "bench", "blockstorage", "cmpctblock", "coindb", "estimatefee", "http", "i2p", "ipc", "kernel", "leveldb",
		"lock", "mempool", "mempoolrej", "net", "privatebroadcast", "proxy", "prune", "qt", "rand", "reindex",
		"rpc", "scan", "selectcoins", "tor", "txpackages", "txreconciliation", "validation", "walletdb", "zmq",
	}
}

// Gone is a category that has no lines any more. It may be named, and nothing changes.
const Gone = "libevent"

// Live is a Config whose categories may be changed while loggers go by it. Its
// methods may be called from any goroutine.
type Live struct {
	mu  sync.Mutex // one change at a time
	cfg atomic.Pointer[Config]
}

// NewLive returns a Live that begins with cfg.
func NewLive(cfg Config) *Live {
	l := &Live{}
	l.cfg.Store(&cfg)
	return l
}

// Config returns what is logged now.
func (l *Live) Config() Config { return *l.cfg.Load() }

// Change begins to log the debug lines of the categories in include, and then ends
// that for those in exclude. "all" and "1" stand for all of them. An unknown one is
// returned, and nothing is changed.
func (l *Live) Change(include, exclude []string) (unknown string, ok bool) {
	for _, name := range slices.Concat(include, exclude) {
		if name != "all" && name != "1" && name != Gone && !slices.Contains(Categories(), name) {
			return name, false
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	on := l.Active()
	for i, list := range [][]string{include, exclude} {
		for _, name := range list {
			for category := range on {
				if name == category || name == "all" || name == "1" {
					on[category] = i == 0
				}
			}
		}
	}
	next := l.Config()
	next.Categories, next.Excluded = nil, nil
	for _, category := range Categories() {
		if on[category] {
			next.Categories = append(next.Categories, category)
		}
	}
	l.cfg.Store(&next)
	return "", true
}

// Active tells of every category whether its debug lines are logged.
func (l *Live) Active() map[string]bool {
	cfg, on := l.cfg.Load(), map[string]bool{}
	for _, category := range Categories() {
		on[category] = cfg.wants(category)
	}
	return on
}
