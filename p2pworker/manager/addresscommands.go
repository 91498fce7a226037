package manager

import (
	"context"
	"math"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
)

type nodeAddress struct {
	Time     int64  `json:"time"`
	Services uint64 `json:"services"`
	Address  string `json:"address"`
	Port     uint16 `json:"port"`
	Network  string `json:"network"`
}

func (m commands) getNodeAddresses(_ context.Context, call *rpc.Call) (any, error) {
	count, err := call.Int(0, 1)
	if err != nil {
		return nil, err
	}
	if count < 0 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Address count out of range")
	}
	if count == 0 {
		count = math.MaxInt32
	}
	network, err := call.Text(1, "")
	if err != nil {
		return nil, err
	}
	only := p2p.NetworkNamed(network)
	if only == 0 && network != "" {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Network not recognized: %s", network)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.verifyBook()
	list := []nodeAddress{}
	for _, e := range m.book.Sample(m.random.Uint64, m.now(), math.MaxInt32, 0) {
		if len(list) < count && (only == 0 || only == e.Address.Host.Network()) {
			list = append(list, nodeAddress{e.Seen.Unix(), uint64(e.Services), e.Address.Host.String(), e.Address.Port, e.Address.Host.NetworkName()})
		}
	}
	return list, nil
}

func (m commands) addPeerAddress(_ context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	port, err := call.Int64(1, 0)
	if err != nil {
		return nil, err
	}
	tried, err := call.Bool(2, false)
	if err != nil {
		return nil, err
	}
	if inner, begins := strings.CutPrefix(text, "["); begins { // as IPv6 addresses are written before a port
		text = strings.TrimSuffix(inner, "]")
	}
	host, ok := p2p.ParseHost(text)
	if !ok {
		return nil, rpc.Errorf(rpc.InvalidIPOrSubnet, "Invalid IP address")
	}
	if port < 0 || port > math.MaxUint16 {
		return nil, rpc.Errorf(rpc.MiscError, "JSON integer out of range")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.verifyBook()
	now := m.now()
	const services = wire.SFNodeNetwork | wire.SFNodeWitness
	address := p2p.Endpoint{Host: m.cfg.Networks.host(host), Port: uint16(port)}
	e := addrbook.Entry{Address: address, Services: services, Source: address.Host, Seen: now}
	switch {
	case !m.book.Add(e, 0, m.random.Uint64, now):
		return addressAdded{Error: "failed-adding-to-new"}, nil
	case tried && !m.book.Good(address, services, now):
		return addressAdded{Error: "failed-adding-to-tried"}, nil
	}
	return addressAdded{Success: true}, nil
}

type addressAdded struct {
	Success bool   `json:"success"`
	Error   string `json:"error,omitempty"`
}
