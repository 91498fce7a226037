package manager

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

const addNodeSummary = "Attempts to add or remove a node from the addnode list.\n" +
	"Or try a connection to a node once.\n" +
	"Nodes added using addnode (or -connect) are protected from DoS disconnection and are not required to be\n" +
	"full nodes/support SegWit as other outbound peers are (though such peers will not be synced from).\n" +
	"Addnode connections are limited to 8 at a time and are counted separately from the -maxconnections limit."

const disconnectNodeSummary = "Immediately disconnects from the specified peer node.\n\n" +
	"Strictly one out of 'address' and 'nodeid' can be provided to identify the node.\n\n" +
	"To disconnect by nodeid, either set 'address' to the empty string, or call using the named 'nodeid' argument only."

func (m commands) addNode(ctx context.Context, call *rpc.Call) (any, error) {
	node, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	command, err := call.Text(1, "")
	if err != nil {
		return nil, err
	}
	v2, err := call.Bool(2, m.cfg.speaksV2())
	if err != nil {
		return nil, err
	}
	switch {
	case command != "onetry" && command != "add" && command != "remove":
		return nil, rpc.Errorf(rpc.MiscError, "addnode \"node\" \"command\" ( v2transport )\n\n%s\n", addNodeSummary)
	case strings.TrimSpace(node) == "":
		return nil, rpc.Errorf(rpc.InvalidParameter, "Error: Node address cannot be empty")
	case v2 && !m.cfg.speaksV2():
		return nil, rpc.Errorf(rpc.InvalidParameter, "Error: v2transport requested but not enabled (see -v2transport)")
	case command == "onetry":
		m.dial(ctx, strings.TrimSpace(node), p2p.Manual, v2)
		return nil, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if command == "add" && !m.roster.AddTarget(node, v2) {
		return nil, rpc.Errorf(rpc.ClientNodeAdded, "Error: Node already added")
	}
	if command == "remove" && !m.roster.RemoveTarget(node) {
		return nil, rpc.Errorf(rpc.ClientNodeNotAdded, "Error: Node could not be removed. It has not been added previously.")
	}
	m.dispatch(m.roster.Tick(time.Now()))
	m.changed()
	return nil, nil
}

func (m commands) addConnection(ctx context.Context, call *rpc.Call) (any, error) {
	if !m.cfg.Regtest {
		return nil, rpc.Errorf(rpc.MiscError, "addconnection is for regression testing (-regtest mode) only.")
	}
	address, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	text, err := call.Text(1, "")
	if err != nil {
		return nil, err
	}
	v2, err := call.Bool(2, false)
	if err != nil {
		return nil, err
	}
	kind := p2p.ConnectionType(strings.TrimSpace(text))
	switch kind {
	case p2p.FullRelay, p2p.BlockRelayOnly, p2p.AddrFetch, p2p.Feeler:
	default:
		return nil, rpc.Errorf(rpc.InvalidParameter, "addconnection \"address\" \"connection_type\" v2transport\n")
	}
	if v2 && !m.cfg.speaksV2() {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Error: Adding v2transport connections requires -v2transport init flag to be set.")
	}
	m.mu.Lock()
	wanted := m.roster.Wanted(kind)
	m.mu.Unlock()
	if wanted == 0 {
		return nil, rpc.Errorf(rpc.NodeCapacityReached, "Error: Already at capacity for specified connection type.")
	}
	m.dial(ctx, address, kind, v2)
	return struct {
		Address string `json:"address"`
		Type    string `json:"connection_type"`
	}{address, string(kind)}, nil
}

func (m commands) disconnectNode(_ context.Context, call *rpc.Call) (any, error) {
	address, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	id, err := call.Int64(1, -1)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var orders []roster.Order
	var matched int
	switch {
	case call.Has(0) && !call.Has(1):
		remote := m.cfg.Networks.endpoint(address)
		orders, matched = m.roster.DisconnectIf(p2p.EndedByUser, "disconnect by address match", func(p roster.Peer) bool {
			return p.Name == address || remote.IsValid() && p.Remote == remote
		})
	case call.Has(1) && (!call.Has(0) || address == ""):
		orders, matched = m.roster.DisconnectIf(p2p.EndedByUser, "disconnect by id", func(p roster.Peer) bool { return p.ID == id })
	default:
		return nil, rpc.Errorf(invalidParams, "Only one of address and nodeid should be provided.")
	}
	if matched == 0 {
		return nil, rpc.Errorf(rpc.NodeNotConnected, "Node not found in connected nodes")
	}
	m.dispatch(orders)
	return nil, nil
}

type addedNode struct {
	Node      string            `json:"addednode"`
	Connected bool              `json:"connected"`
	Addresses []addedConnection `json:"addresses"`
}

type addedConnection struct {
	Address   string `json:"address"`
	Connected string `json:"connected"`
}

func (m commands) getAddedNodeInfo(_ context.Context, call *rpc.Call) (any, error) {
	wanted, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	list := []addedNode{}
	peers := m.roster.Peers()
	for _, target := range m.roster.Targets() {
		if call.Has(0) && target != wanted {
			continue
		}
		list = append(list, addedNodeOf(target, peers))
	}
	if call.Has(0) && len(list) == 0 {
		return nil, rpc.Errorf(rpc.ClientNodeNotAdded, "Error: Node has not been added.")
	}
	return list, nil
}

func addedNodeOf(target string, peers []roster.Peer) addedNode {
	node := addedNode{Node: target, Addresses: []addedConnection{}}
	for _, p := range peers {
		if p.Name != target && p.Remote.String() != target {
			continue
		}
		direction := "outbound"
		if p.Kind == p2p.Inbound {
			direction = "inbound"
		}
		node.Connected = true
		address := p.Remote.String()
		if address == "" {
			address = target // a proxy knows where that is
		}
		node.Addresses = []addedConnection{{address, direction}}
		break
	}
	return node
}

// maxMessageType is the length of the type field of a P2P message.
const maxMessageType = 12

func (m commands) sendMessage(_ context.Context, call *rpc.Call) (any, error) {
	id, err := call.Int64(0, -1)
	if err != nil {
		return nil, err
	}
	messageType, err := call.Text(1, "")
	if err != nil {
		return nil, err
	}
	text, err := call.Text(2, "")
	if err != nil {
		return nil, err
	}
	if len(messageType) > maxMessageType {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Error: msg_type too long, max length is %d", maxMessageType)
	}
	payload, err := hex.DecodeString(text)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Error parsing input for msg")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.roster.Peer(id)
	if !ok || !m.order(p.Worker, p2p.WorkerOrder{Send: &p2p.SendOrder{Peer: id, Type: messageType, Payload: payload}}) {
		return nil, rpc.Errorf(rpc.MiscError, "Error: Could not send message to peer")
	}
	return struct{}{}, nil
}
