package p2pworker

import (
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

// maxMail bounds the inputs that wait for a session which does not keep up.
const maxMail = 4096

// mailbox is a bounded queue of inputs for one session. When it is full, new
// announcements are lost; orders still enter.
type mailbox struct {
	mu    sync.Mutex
	queue []session.Input
	wake  chan struct{} // capacity 1
}

func (m *mailbox) put(in session.Input) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) >= maxMail {
		switch in.(type) {
		case p2p.TxsAnnouncedEvent, session.TipChanged, session.BlockSeen, session.RelayAddresses:
			return
		}
	}
	m.queue = append(m.queue, in)
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take returns all that has come.
func (m *mailbox) take() []session.Input {
	m.mu.Lock()
	defer m.mu.Unlock()
	batch := m.queue
	m.queue = nil
	return batch
}
