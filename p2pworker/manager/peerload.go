package manager

import (
	"context"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// peerLoad is what getpeerinfo tells beyond Bitcoin Core's fields, of connections
// whose handshake is complete.
type peerLoad struct {
	// CPU and RSS are those of the process, as the supervisor reads them from the
	// kernel, where it serves this connection alone.
	CPU          *micros `json:"cpu_seconds,omitempty"`
	RSS          *int64  `json:"rss,omitempty"`
	SendQueue    int     `json:"send_queue"`
	ReceiveQueue int     `json:"receive_queue"`
	FirstBlocks  uint64  `json:"blocks_first"`
	FirstTxs     uint64  `json:"transactions_first"`
	Profile      string  `json:"listenprofile,omitempty"`
}

// loadPatience is how long the supervisor may take to tell of processes.
const loadPatience = 2 * time.Second

// processes asks the supervisor what the processes of workers take. Without an answer
// nothing is told of them.
func (m commands) processes(ctx context.Context) map[string]msg.Compartment {
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	conn, err := m.link()
	if err != nil {
		return nil
	}
	reply, err := msg.Compartments.Call(ctx, conn, bus.None{})
	if err != nil {
		return nil
	}
	byInstance := map[string]msg.Compartment{}
	for _, c := range reply.Compartments {
		byInstance[c.Instance] = c
	}
	return byInstance
}

// loadOf describes one connection, nil before its handshake is complete.
func (m commands) loadOf(p described, processes map[string]msg.Compartment) *peerLoad {
	if !p.report.Ready {
		return nil
	}
	r := p.report
	load := &peerLoad{SendQueue: r.SendQueue, ReceiveQueue: r.HeldBytes, FirstBlocks: r.FirstBlocks, FirstTxs: r.FirstTxs}
	load.Profile = m.cfg.profileAt(p.Local, p.Kind == p2p.Inbound).Name
	if process, known := processes[p.Worker]; known && p.alone {
		cpu := micros(process.CPUMicros)
		load.CPU, load.RSS = &cpu, &process.Resident
	}
	return load
}
