package manager

import (
	"context"
	"fmt"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// maxHistory is how many connections that have ended are remembered.
const maxHistory = msg.MaxEndedPeers

// history is those, the oldest first.
type history struct {
	past []pastPeer
	news chan p2p.PeerClosedEvent // to be published
	// noted is how many this manager has added, handed how many of them the supervisor
	// has; noting wakes who hands them over.
	noted, handed uint64
	noting        chan struct{}
}

// maxNews bounds the events that wait to be published. What does not fit is in
// getpeerhistory alone.
const maxNews = 1000

// pastPeer is one object of getpeerhistory.
type pastPeer struct {
	ID        int64    `json:"id"`
	Addr      string   `json:"addr"`
	Network   string   `json:"network"`
	Inbound   bool     `json:"inbound"`
	Type      string   `json:"connection_type"`
	Profile   string   `json:"listenprofile,omitempty"`
	SubVer    string   `json:"subver"`
	Connected int64    `json:"conntime"`
	Ended     int64    `json:"endtime"`
	Reason    string   `json:"reason"`
	Text      string   `json:"reason_text"`
	Sent      uint64   `json:"bytessent"`
	Received  uint64   `json:"bytesrecv"`
	LastSent  []string `json:"last_sent"`
	LastRecv  []string `json:"last_received"`
}

// maxReasonText bounds what a worker may tell of a reason, in bytes.
const maxReasonText = 200

// remember notes the end of a connection, but not of one by which our user sent something
// that nobody is to know it is from. What its worker tells may be anything. The mutex is
// held.
func (m *manager) remember(p roster.Peer, req p2p.ClosePeerRequest) {
	if p.Kind == p2p.PrivateBroadcast {
		return
	}
	code := req.Code.OrUntold()
	if p.Leaving && p.Reason != "" {
		code = p.Reason // it was our wish, whatever the worker says
	}
	r := req.Report
	past := pastPeer{
		ID: p.ID, Addr: p.Name, Network: m.cfg.Networks.networkOf(p.Remote, p.Local, p.Kind == p2p.Inbound), Inbound: p.Kind == p2p.Inbound,
		Type: string(p.Kind), Connected: p.Opened.Unix(), Ended: m.now().Unix(), Reason: string(code),
		SubVer: printable(r.UserAgent, maxReasonText), Text: printable(req.Reason, maxReasonText),
		Sent: r.BytesSent, Received: r.BytesReceived, LastSent: typesOf(r.LastSent), LastRecv: typesOf(r.LastReceived),
	}
	past.Profile = m.cfg.profileAt(p.Local, past.Inbound).Name
	if len(m.past) >= maxHistory {
		m.past = slices.Delete(m.past, 0, 1)
	}
	m.past = append(m.past, past)
	m.toHand()
	m.net.Debug(fmt.Sprintf("connection has ended: peer=%d reason=%s sent=%d received=%d", p.ID, code, past.Sent, past.Received))
	select {
	case m.news <- p2p.PeerClosedEvent{Peer: p.ID, Kind: p.Kind, Address: p.Name, Opened: past.Connected, Closed: past.Ended,
		Reason: code, Sent: past.Sent, Received: past.Received}:
	default:
	}
}

// tellNews publishes the ends of connections.
func (m *manager) tellNews(ctx context.Context) error {
	for {
		select {
		case e := <-m.news:
			if err := msg.PeerClosed.Publish(ctx, m.conn, e); err != nil {
				m.net.Debug(fmt.Sprintf("the end of peer=%d was not published: %v", e.Peer, err))
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lostWith notes the end of connections whose process has ended. The mutex is held.
func (m *manager) lostWith(lost []roster.Peer) {
	for _, p := range lost {
		req := p2p.ClosePeerRequest{Code: p2p.WorkerGone}
		if f := m.facts[p.ID]; f != nil {
			req.Report = f.report // as far as is known
		}
		m.remember(p, req)
	}
}

// printable keeps the readable characters of a text, and no more than n.
func printable(text string, n int) string {
	kept := make([]byte, 0, min(len(text), n))
	for i := 0; i < len(text) && len(kept) < n; i++ {
		if text[i] >= ' ' && text[i] <= '~' {
			kept = append(kept, text[i])
		}
	}
	return string(kept)
}

// typesOf takes over the types of messages, as many as there may be.
func typesOf(told []string) []string {
	list := []string{}
	for _, name := range told[:min(len(told), p2p.MaxLastTypes)] {
		list = append(list, printable(name, maxMessageType))
	}
	return list
}

func (m commands) historyCommands() rpc.Table {
	return rpc.Table{
		{Name: "getpeerhistory", Returns: []pastPeer{}, Category: "Network",
			Summary: "Returns the connections that have ended, the last one first, each with the reason.\n" +
				fmt.Sprintf("The last %d are remembered until the node stops. \"last_sent\" and \"last_received\" are the types of the last messages.", maxHistory),
			Params: []rpc.Param{
				{Name: "count", Type: rpc.Number, Optional: true, Default: "100", Help: "How many to return at most"},
				{Name: "reason", Type: rpc.String, Optional: true, Default: "all", Help: "Return only those with this reason, one of: " + reasonNames()},
			},
			Run: m.getPeerHistory},
	}
}

func reasonNames() (names string) {
	for i, r := range p2p.DisconnectReasons() {
		if i > 0 {
			names += ", "
		}
		names += string(r)
	}
	return names
}

func (m commands) getPeerHistory(_ context.Context, call *rpc.Call) (any, error) {
	count, err := call.Int(0, 100)
	if err != nil {
		return nil, err
	}
	reason, err := call.Text(1, "")
	if err != nil {
		return nil, err
	}
	switch {
	case count < 0:
		return nil, rpc.Errorf(rpc.InvalidParameter, "Negative count")
	case call.Has(1) && !slices.Contains(p2p.DisconnectReasons(), p2p.DisconnectReason(reason)):
		return nil, rpc.Errorf(rpc.InvalidParameter, "Error: Unknown reason")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	list := []pastPeer{}
	for _, past := range slices.Backward(m.past) {
		if len(list) < count && (reason == "" || past.Reason == reason) {
			list = append(list, past)
		}
	}
	return list, nil
}
