package broker

import "strings"

// Role is what a link may be.
type Role string

// The roles of the parts, and of programs of others.
const (
	Supervisor Role = "supervisor"
	Node       Role = "node"
	Peers      Role = "peers"
	Worker     Role = "worker"
	Wallet     Role = "wallet"
	Notify     Role = "notify"
	Gateway    Role = "gateway"
	Client     Role = "client"
)

// Rights lists name patterns: a name, a name that ends in "*" for all that
// begin with what is before it, and "{self}" for the link's own instance.
type Rights struct {
	Call    []string // methods it may call
	Offer   []string // methods it may serve
	Publish []string // topics it may publish
	Hear    []string // topics it may subscribe to; a subscription's prefix must lie within one
	// Share bounds how much of a part all links of the role may take up
	// together: percent of the calls that may wait for one link; 0 for no bound.
	Share int
}

// share is the part of limit that links of the role may have, at least one.
func (r Rights) share(limit int) int {
	if r.Share == 0 {
		return limit
	}
	return max(1, limit*r.Share/100)
}

// Table says what each role may do. The graph of calls between roles has no
// cycle: worker -> peers -> node, wallet, notify and client -> node, gateway ->
// all, peers and wallet -> supervisor -> node. The node calls nobody.
type Table map[Role]Rights

// DefaultTable is the table of a whole node. rpc.* methods are what a part
// serves to JSON-RPC clients; only the gateway may call them.
func DefaultTable() Table {
	return Table{
		Supervisor: {
			Call:    []string{"bus.registry", "node.life.*"},
			Offer:   append(commands("setmocktime stop uptime getcompartments"), "ship.*"),
			Publish: []string{"ship.*"},
			Hear:    []string{"bus.link.*"},
		},
		Node: {
			Call:    []string{"bus.registry"},
			Offer:   []string{"rpc.*", "node.*"},
			Publish: []string{"node.*"},
			Hear:    []string{"bus.link.*"},
		},
		Peers: {
			Call: []string{"bus.registry", "node.chain.*", "ship.worker.*"},
			Offer: append(commands("setmocktime addconnection addnode addpeeraddress clearbanned disconnectnode getaddednodeinfo "+
				"getconnectioncount getnettotals getnetworkinfo getnodeaddresses getpeerinfo listbanned ping sendmsgtopeer "+
				"setban setnetworkactive"), "peers.*"),
			Publish: []string{"peers.*"},
			Hear:    []string{"bus.link.*", "node.tip", "ship.*"},
		},
		Worker: {
			Call:    []string{"node.chain.*", "node.p2p.*", "peers.*"},
			Offer:   commands("setmocktime"),
			Publish: nil,
			Hear:    []string{"node.tip", "node.txs", "node.blame.{self}", "peers.*", "bus.link.*"},
			Share:   50,
		},
		Wallet: {
			Call: []string{"node.chain.*", "node.watch.*", "node.tx.*", "ship.wallet.*", "bus.registry"},
			Offer: append(commands("setmocktime createwallet listwalletdir listwallets loadwallet unloadwallet getnewaddress "+
				"getrawchangeaddress getaddressinfo getbalance getbalances getwalletinfo gettransaction listtransactions "+
				"listunspent sendtoaddress abandontransaction"), "wallet.*"),
			Publish: []string{"wallet.*"},
			Hear:    []string{"node.tip", "node.watch.{self}", "bus.link.*", "ship.*"},
			Share:   20,
		},
		Notify: {
			Call:    []string{"node.chain.*"},
			Offer:   commands("setmocktime getzmqnotifications"),
			Publish: []string{"notify.*"},
			Hear:    []string{"node.event.*", "node.tip", "bus.link.*", "ship.*"},
			Share:   10,
		},
		Gateway: {
			Call:    []string{"bus.registry", "bus.stats", "rpc.*", "ship.compartments", "ship.readiness"},
			Offer:   commands("setmocktime help getrpcinfo echo echojson"),
			Publish: nil,
			Hear:    []string{"bus.link.*", "ship.*"},
		},
		// A program that is not of this project: it reads what is public.
		Client: {
			Call:    []string{"bus.registry", "bus.stats", "node.chain.*"},
			Offer:   nil,
			Publish: nil,
			Hear:    []string{"node.event.*", "node.tip", "node.txs", "bus.link.*"},
			Share:   5,
		},
	}
}

// commands are the methods of JSON-RPC commands, given their names. Only the
// node, which keeps what all others trust, may offer any: a compartment in a
// stranger's hands must not answer for another.
func commands(names string) []string {
	var methods []string
	for _, name := range strings.Fields(names) {
		methods = append(methods, "rpc."+name)
	}
	return methods
}

// allows reports whether name is within one of the patterns.
func allows(patterns []string, instance, name string) bool {
	for _, pattern := range patterns {
		pattern = strings.ReplaceAll(pattern, "{self}", instance)
		if prefix, open := strings.CutSuffix(pattern, "*"); open {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		} else if pattern == name {
			return true
		}
	}
	return false
}
