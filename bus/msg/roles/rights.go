package roles

import "github.com/bulkheadnode/bulkhead/bus/rights"

// Commands are the names of the JSON-RPC commands that parts offer, by role.
type Commands map[rights.Role][]string

// links are the topics that tell of the links of some roles. Who may hear them
// also finds these links in the registry, and no others: a compartment in a
// stranger's hands does not learn who else is there.
func links(of ...rights.Role) (topics []string) {
	for _, role := range of {
		topics = append(topics, "bus.link.up."+string(role), "bus.link.gone."+string(role))
	}
	return topics
}

// Table says what each role may do. The graph of calls between roles has no
// cycle: worker and dialler -> peers -> node, wallet, notify and client -> node, gateway ->
// all, peers and wallet -> supervisor -> node. The node calls nobody but the broker,
// and the supervisor nobody else.
//
// Those who speak to the world, or for it, have rates: well above what they need,
// and below what would keep the broker from the others.
//
// rpc.* methods are what a part serves to JSON-RPC clients; only the gateway may
// call them. Only the node, which keeps what all others trust, may offer any: a
// compartment in a stranger's hands must not answer for another.
func Table(commands Commands) rights.Table {
	offered := func(role rights.Role) (methods []string) {
		for _, name := range commands[role] {
			methods = append(methods, "rpc."+name)
		}
		return methods
	}
	return rights.Table{
		Supervisor: {
			Call:    []string{"bus.registry", "node.life.*"},
			Offer:   append(offered(Supervisor), "ship.*"),
			Publish: []string{"ship.*"},
			Hear:    []string{"bus.link.*", "node.tip", "node.warned"},
		},
		Node: {
			Call:    []string{"bus.registry"},
			Offer:   []string{"rpc.*", "node.*"},
			Publish: []string{"node.*"},
			Hear:    links(Worker, Wallet),
		},
		Peers: {
			Call:     []string{"bus.registry", "node.chain.*", "node.private.*", "node.demand.*", "ship.worker.*", "ship.peers.*", "ship.compartments"},
			Offer:    append(offered(Peers), "peers.*"),
			Publish:  []string{"peers.*"},
			Hear:     append(links(Worker), "node.tip", "ship.*"),
			Messages: 50_000, Bytes: 256 << 20,
		},
		Worker: {
			Call:    []string{"bus.registry", "node.chain.*", "node.p2p.*", "peers.*"},
			Offer:   offered(Worker),
			Publish: nil,
			Hear:    append(links(Node), "node.tip", "node.seen", "node.txs", "node.peer.{self}."),
			Share:   50,
			// A sync of the first blocks takes a third of this.
			Messages: 50_000, Bytes: 512 << 20,
		},
		// It answers workers at their docks, off the bus.
		Dialler: {
			Call:     []string{"peers.dial.*"},
			Offer:    offered(Dialler),
			Publish:  nil,
			Hear:     nil,
			Messages: 5_000, Bytes: 4 << 20,
		},
		Wallet: {
			Call:     []string{"node.chain.*", "node.watch.*", "node.tx.*", "ship.wallet.*", "bus.registry"},
			Offer:    append(offered(Wallet), "wallet.*"),
			Publish:  []string{"wallet.*"},
			Hear:     append(links(Node, Wallet), "node.tip", "node.watch.{self}", "ship.*"),
			Share:    20,
			Messages: 20_000, Bytes: 64 << 20,
		},
		Notify: {
			Call:     []string{"node.chain.*"},
			Offer:    offered(Notify),
			Publish:  []string{"notify.*"},
			Hear:     []string{"node.event.*", "node.tip", "ship.*"},
			Share:    10,
			Messages: 20_000, Bytes: 64 << 20,
		},
		Gateway: {
			Call:     []string{"bus.registry", "bus.stats", "rpc.*", "ship.compartments", "ship.readiness", "ship.file.*"},
			Offer:    offered(Gateway),
			Publish:  nil,
			Hear:     []string{"bus.link.*", "ship.*"},
			Messages: 100_000, Bytes: 256 << 20,
		},
		// A program that is not of this project: it reads what is public.
		Client: {
			Call:     []string{"bus.registry", "bus.stats", "node.chain.*"},
			Offer:    nil,
			Publish:  nil,
			Hear:     []string{"node.event.*", "node.tip", "node.txs", "peers.event.*", "ship.event.*", "bus.link.*"},
			Share:    5,
			Messages: 5_000, Bytes: 4 << 20,
		},
	}
}
