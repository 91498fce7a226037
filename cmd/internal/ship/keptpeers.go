package ship

import (
	"context"
	"slices"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

// keptPeers is what managers of connections have handed over for those after them. It may
// come from one in a stranger's hands: it is bounded, and looked at by nobody here.
type keptPeers struct {
	mu    sync.Mutex
	set   []byte   // by msg.KeepPeers
	ended [][]byte // by msg.RememberPeers, the oldest first
	bytes int      // of them
}

// peers is the manager of connections. One that is started again has what those before it
// had kept.
func (p *partSettings) peers() (supervise.Spec, error) {
	cfg := p.manager()
	files, err := p.peersFiles(cfg)
	return supervise.Spec{Role: roles.Peers, Instance: "peers", Settings: cfg, Files: files, Again: func() any { return p.kept.among(cfg) }}, err
}

// among returns the settings with what was kept.
func (k *keptPeers) among(cfg manager.Config) manager.Config {
	k.mu.Lock()
	defer k.mu.Unlock()
	cfg.Kept, cfg.Past = k.set, slices.Clone(k.ended)
	return cfg
}

// keep serves msg.KeepPeers.
func (k *keptPeers) keep(_ context.Context, body msg.KeptBody) (bus.None, error) {
	if len(body.Data) > msg.MaxKept {
		return bus.None{}, bus.Errorf(bus.KindBadMessage, "%d bytes to keep", len(body.Data))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set = body.Data
	return bus.None{}, nil
}

// remember serves msg.RememberPeers. The oldest are forgotten for new ones.
func (k *keptPeers) remember(_ context.Context, body msg.EndedPeersBody) (bus.None, error) {
	for _, record := range body.Records {
		if len(record) > msg.MaxEndedPeer {
			return bus.None{}, bus.Errorf(bus.KindBadMessage, "%d bytes of a connection to remember", len(record))
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, record := range body.Records {
		k.ended, k.bytes = append(k.ended, record), k.bytes+len(record)
	}
	excess := 0
	for ; len(k.ended)-excess > msg.MaxEndedPeers || k.bytes > msg.MaxKept; excess++ {
		k.bytes -= len(k.ended[excess])
	}
	k.ended = slices.Delete(k.ended, 0, excess)
	return bus.None{}, nil
}
