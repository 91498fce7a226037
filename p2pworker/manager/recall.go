package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

const (
	// handPause is between two times that connections which have ended are handed to the
	// supervisor: as long as that, the end of one is lost with this process.
	handPause = 200 * time.Millisecond
	// handRetry is for how long it is left in peace if it does not take them.
	handRetry = 30 * time.Second
	// maxHanded is how many it is handed at once.
	maxHanded = 100
)

// toHand notes that there is one more connection to hand over. The mutex is held.
func (m *manager) toHand() {
	m.noted++
	m.wakeHanding()
}

func (m *manager) wakeHanding() {
	select {
	case m.noting <- struct{}{}:
	default:
	}
}

// handHistory hands connections that have ended to the supervisor, for the manager after
// this one: those that are new, and as many at once as have ended meanwhile.
func (m *manager) handHistory(ctx context.Context) error {
	for {
		select {
		case <-m.noting:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		more, err := m.handSome(ctx)
		pause := handPause
		if err != nil {
			m.net.Debug(fmt.Sprintf("connections that have ended were not handed over: %v", err))
			pause = handRetry
		}
		if more || err != nil {
			m.wakeHanding()
		}
		if !clock.Sleep(ctx, pause) {
			return context.Cause(ctx)
		}
	}
}

// handSome hands over the oldest ones that were not, and reports whether there are more.
func (m *manager) handSome(ctx context.Context) (more bool, err error) {
	m.mu.Lock()
	fresh := int(min(m.noted-m.handed, uint64(len(m.past))))
	list := slices.Clone(m.past[len(m.past)-fresh:][:min(fresh, maxHanded)])
	upTo, conn := m.noted-uint64(fresh-len(list)), m.conn
	m.mu.Unlock()
	var body msg.EndedPeersBody
	for _, past := range list {
		record, err := json.Marshal(past)
		if err != nil {
			return false, err
		}
		body.Records = append(body.Records, record)
	}
	if len(list) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	if _, err := msg.RememberPeers.Call(ctx, conn, body); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handed = upTo
	return m.noted > m.handed, nil
}

// recall takes over the connections that earlier managers have told of. What is kept of
// them is bounded as if it came from a worker. One that was handed over twice, as the
// answer was lost, counts once. No connection gets a number that one of them had.
func (m *manager) recall(records [][]byte) {
	seen := map[string]bool{}
	for _, record := range records[max(len(records)-maxHistory, 0):] {
		var past pastPeer
		if seen[string(record)] || json.Unmarshal(record, &past) != nil {
			continue
		}
		seen[string(record)] = true
		m.past = append(m.past, past.bounded())
		m.roster.NumberPeersFrom(past.ID)
	}
}

func (p pastPeer) bounded() pastPeer {
	for _, text := range []*string{&p.Network, &p.Type, &p.Profile, &p.SubVer, &p.Text} {
		*text = printable(*text, maxReasonText)
	}
	p.Addr = printable(p.Addr, maxName)
	p.Reason = string(p2p.DisconnectReason(p.Reason).OrUntold())
	p.LastSent, p.LastRecv = typesOf(p.LastSent), typesOf(p.LastRecv)
	return p
}
