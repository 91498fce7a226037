package manager

import (
	"context"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// invalidParams is JSON-RPC's code for parameters that do not go together.
const invalidParams rpc.Code = -32602

// commands are the manager's as JSON-RPC clients see it.
type commands struct{ *manager }

// Commands lists what the manager offers to JSON-RPC clients.
func Commands() rpc.Table { return commands{&manager{}}.table() }

// table is what the manager answers to JSON-RPC clients.
func (m commands) table() rpc.Table {
	return slices.Concat(m.infoCommands(), m.nodeCommands(), m.banCommands(), m.addressCommands(), m.tableCommands(), m.throttleCommands(), m.limitCommands(), m.historyCommands(), m.workerCommands())
}

// networkNames lists all networks, as the help shows them.
func networkNames() string {
	var names []string
	for _, network := range p2p.Networks() {
		names = append(names, network.Name())
	}
	return strings.Join(names, ", ")
}

func (m commands) infoCommands() rpc.Table {
	return rpc.Table{
		{Name: "getconnectioncount", Returns: 0, Category: "Network",
			Summary: "Returns the number of connections to other nodes.",
			Result:  "n    (numeric) The connection count",
			Run: func(context.Context, *rpc.Call) (any, error) {
				m.mu.Lock()
				defer m.mu.Unlock()
				return len(m.roster.Peers()), nil
			}},
		{Name: "getpeerinfo", Returns: []peerInfo{}, Category: "Network",
			Summary: "Returns data about each connected network peer as a json array of objects.",
			Result: "[{...}, ...]    (json array) one object a peer; \"network\" is one of\n" +
				"(" + networkNames() + ", not_publicly_routable)\n" +
				"Once the handshake is complete also: cpu_seconds and rss (bytes) of the process, if it has no other peer,\n" +
				"send_queue and receive_queue (bytes), blocks_first and transactions_first (that no other peer had brought before), listenprofile",
			Run: m.getPeerInfo},
		{Name: "getnetworkinfo", Returns: networkInfo{}, Category: "Network",
			Summary: "Returns an object containing various state info regarding P2P networking.",
			Result:  "{...}    (json object); \"networks\" has one object for each of\n(" + networkNames() + ")",
			Run:     m.getNetworkInfo},
		{Name: "getnettotals", Returns: netTotals{}, Category: "Network",
			Summary: "Returns information about network traffic, including bytes in, bytes out,\nand current system time.",
			Run:     m.getNetTotals},
		m.pingCommand(),
		{Name: "setnetworkactive", Returns: true, Category: "Network",
			Summary: "Disable/enable all p2p network activity, until the node stops.",
			Params:  []rpc.Param{{Name: "state", Type: rpc.Bool, Help: "true to enable networking, false to disable"}},
			Result:  "true|false    (boolean) The value that was passed in",
			Run:     m.sets(m.setNetworkActive)},
	}
}

func (m commands) pingCommand() rpc.Command {
	return rpc.Command{Name: "ping", Returns: rpc.Null{}, Category: "Network",
		Summary: "Requests that a ping be sent to all other nodes, to measure ping time.\n" +
			"Results are provided in getpeerinfo.\n" +
			"Ping command is handled in queue with all other commands, so it measures processing backlog, not just network ping.",
		Result: "null",
		Run: func(context.Context, *rpc.Call) (any, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for worker := range m.queues {
				m.order(worker, p2p.WorkerOrder{Ping: &p2p.PingOrder{}})
			}
			return nil, nil
		}}
}

func (m commands) nodeCommands() rpc.Table {
	return rpc.Table{
		{Name: "addnode", Examples: []string{`["192.168.0.6:8333", "onetry"]`}, Returns: rpc.Null{}, Category: "Network", Summary: addNodeSummary,
			Params: []rpc.Param{
				{Name: "node", Type: rpc.String, Help: "The IP address/hostname optionally followed by :port of the peer to connect to"},
				{Name: "command", Type: rpc.String, Help: "'add' to add a node to the list, 'remove' to remove a node from the list, 'onetry' to try a connection to the node once"},
				{Name: "v2transport", Type: rpc.Bool, Optional: true, Default: "set by -v2transport", Help: "Attempt to connect using BIP324 v2 transport protocol (ignored for 'remove' command)"},
			},
			Result: "null", Run: m.sets(m.addNode)},
		{Name: "addconnection", Returns: map[string]string{}, Category: "hidden",
			Summary: "Open an outbound connection to a specified node. This RPC is for testing only.",
			Params: []rpc.Param{
				{Name: "address", Type: rpc.String, Help: "The IP address and port to attempt connecting to."},
				{Name: "connection_type", Type: rpc.String, Help: "Type of connection to open (\"outbound-full-relay\", \"block-relay-only\", \"addr-fetch\" or \"feeler\")."},
				{Name: "v2transport", Type: rpc.Bool, Help: "Attempt to connect using BIP324 v2 transport protocol"},
			},
			Run: m.addConnection},
		{Name: "disconnectnode", Examples: []string{`["192.168.0.6:8333"]`, `["", 1]`}, Returns: rpc.Null{}, Category: "Network", Summary: disconnectNodeSummary,
			Params: []rpc.Param{
				{Name: "address", Type: rpc.String, Optional: true, Default: "fallback to nodeid", Help: "The IP address/port of the node"},
				{Name: "nodeid", Type: rpc.Number, Optional: true, Default: "fallback to address", Help: "The node ID (see getpeerinfo for node IDs)"},
			},
			Result: "null", Run: m.disconnectNode},
		m.blockFromPeerCommand(),
		{Name: "getaddednodeinfo", Returns: []addedNode{}, Category: "Network",
			Summary: "Returns information about the given added node, or all added nodes\n(note that onetry addnodes are not listed here)",
			Params:  []rpc.Param{{Name: "node", Type: rpc.String, Optional: true, Default: "all nodes", Help: "If provided, return information about this specific node, otherwise all nodes are returned."}},
			Run:     m.getAddedNodeInfo},
		{Name: "sendmsgtopeer", Returns: struct{}{}, Category: "hidden",
			Summary: "Send a p2p message to a peer specified by id.\nThe message type and body must be provided, the message header will be generated.\nThis RPC is for testing only.",
			Params: []rpc.Param{
				{Name: "peer_id", Type: rpc.Number, Help: "The peer to send the message to."},
				{Name: "msg_type", Type: rpc.String, Help: "The message type (maximum length 12)"},
				{Name: "msg", Type: rpc.String, Form: rpc.Hex, Help: "The serialized message body to send, in hex, without a message header"},
			},
			Result: "{}    (json object) empty", Run: m.sendMessage},
	}
}

func (m commands) banCommands() rpc.Table {
	return rpc.Table{
		{Name: "setban", Examples: []string{`["192.168.0.0/24", "add", 86400]`}, Returns: rpc.Null{}, Category: "Network", Summary: "Attempts to add or remove an IP/Subnet from the banned list.",
			Params: []rpc.Param{
				{Name: "subnet", Type: rpc.String, Help: "The IP/Subnet (see getpeerinfo for nodes IP) with an optional netmask (default is /32 = single IP), or a whole network (" + networkNames() + "), or with -asmap an autonomous system such as AS64496"},
				{Name: "command", Type: rpc.String, Help: "'add' to add an IP/Subnet to the list, 'remove' to remove an IP/Subnet from the list"},
				{Name: "bantime", Type: rpc.Number, Optional: true, Default: "0", Help: "time in seconds how long (or until when if [absolute] is set) the IP is banned (0 or empty means using the default time of 24h which can also be overwritten by the -bantime startup argument)"},
				{Name: "absolute", Type: rpc.Bool, Optional: true, Default: "false", Help: "If set, the bantime must be an absolute timestamp expressed in UNIX epoch time"},
				{Name: "inbound_only", Type: rpc.Bool, Optional: true, Default: "false", Help: "Whether connections that this node makes are not concerned"},
			},
			Result: "null", Run: m.setBan},
		{Name: "listbanned", Returns: []bannedNet{}, Category: "Network", Summary: "List all manually banned IPs/Subnets.",
			Run: m.listBanned},
		{Name: "clearbanned", Returns: rpc.Null{}, Category: "Network", Summary: "Clear all banned IPs.", Result: "null", Run: m.clearBanned},
	}
}

func (m commands) addressCommands() rpc.Table {
	return rpc.Table{
		{Name: "getnodeaddresses", Returns: []nodeAddress{}, Category: "Network",
			Summary: "Return known addresses, after filtering for quality and recency.\n" +
				"These can potentially be used to find new peers in the network.\n" +
				"The total number of addresses known to the node may be higher.",
			Params: []rpc.Param{
				{Name: "count", Type: rpc.Number, Optional: true, Default: "1", Help: "The maximum number of addresses to return. Specify 0 to return all known addresses."},
				{Name: "network", Type: rpc.String, Optional: true, Default: "all networks", Help: "Return only addresses of the specified network. Can be one of: ipv4, ipv6, onion, i2p, cjdns."},
			},
			Run: m.getNodeAddresses},
		{Name: "addpeeraddress", Returns: addressAdded{}, Category: "hidden",
			Summary: "Add the address of a potential peer to an address manager table. This RPC is for testing only.",
			Params: []rpc.Param{
				{Name: "address", Type: rpc.String, Help: "The IP address of the peer"},
				{Name: "port", Type: rpc.Number, Help: "The port of the peer"},
				{Name: "tried", Type: rpc.Bool, Optional: true, Default: "false", Help: "If true, attempt to add the peer to the tried addresses table"},
			},
			Run: m.addPeerAddress},
	}
}
