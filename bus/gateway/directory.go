package gateway

import (
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/presence"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// directory knows who offers which command. A command stays known when its
// part is gone: the part is being restarted.
type directory struct {
	mu       sync.RWMutex
	commands map[string]rpc.Info
	offers   map[string][]string // command to instances, sorted
	wallets  map[string]string   // instance to wallet name
	lost     map[string]string   // the same of processes that have ended
	arrival  chan struct{}       // closed when a part arrives
}

func newDirectory() *directory {
	return &directory{
		commands: map[string]rpc.Info{},
		offers:   map[string][]string{}, wallets: map[string]string{}, lost: map[string]string{},
		arrival: make(chan struct{}),
	}
}

// watch returns the Watch that keeps the directory up to date. A request that
// comes after a part has told of another finds that here, once the Watch has
// been refreshed.
func (d *directory) watch(log *slog.Logger) *presence.Watch {
	return presence.New(presence.Config{
		Up:    func(e msg.RegistryEntry) { d.enter(e, log) },
		Gone:  func(e msg.RegistryEntry) { d.remove(e.Instance) },
		Fault: func(err error) { log.Warn("gateway: dropped an event: " + err.Error()) },
	})
}

func (d *directory) enter(entry msg.RegistryEntry, log *slog.Logger) {
	var infos []rpc.Info
	if meta, ok := entry.Meta[rpc.MetaName]; ok {
		var err error
		if infos, err = rpc.ParseTable(meta); err != nil {
			log.Warn("gateway: unreadable command table of " + entry.Instance + ": " + err.Error())
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if name, ok := entry.Meta[msg.WalletMeta]; ok {
		d.wallets[entry.Instance] = string(name)
		delete(d.lost, entry.Instance)
	}
	for _, info := range infos {
		d.commands[info.Name] = info
		if list := d.offers[info.Name]; !slices.Contains(list, entry.Instance) {
			list = append(slices.Clone(list), entry.Instance)
			slices.Sort(list)
			d.offers[info.Name] = list
		}
	}
	close(d.arrival)
	d.arrival = make(chan struct{})
}

// nextArrival returns a channel that is closed when the next part is there.
func (d *directory) nextArrival() <-chan struct{} {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.arrival
}

func (d *directory) remove(instance string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name, ok := d.wallets[instance]; ok {
		d.lost[instance] = name
		delete(d.wallets, instance)
	}
	for name, list := range d.offers {
		if slices.Contains(list, instance) {
			d.offers[name] = slices.DeleteFunc(slices.Clone(list), func(i string) bool { return i == instance })
		}
	}
}

// lookup returns a command and the instances that offer it now.
func (d *directory) lookup(name string) (info rpc.Info, instances []string, known bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	info, known = d.commands[name]
	return info, d.offers[name], known
}

// walletInstances returns the processes of wallets by wallet name.
func (d *directory) walletInstances() map[string]string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	byName := make(map[string]string, len(d.wallets))
	for instance, name := range d.wallets {
		byName[name] = instance
	}
	return byName
}

// lostWallets returns the wallets whose processes have ended, by instance. They
// were unloaded, or are being started again.
func (d *directory) lostWallets() map[string]string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return maps.Clone(d.lost)
}

// forgetWallet is for one that was unloaded.
func (d *directory) forgetWallet(instance string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.lost, instance)
}

// all returns every known command, sorted by category and name.
func (d *directory) all() []rpc.Info {
	d.mu.RLock()
	defer d.mu.RUnlock()
	list := slices.Collect(maps.Values(d.commands))
	slices.SortFunc(list, func(a, b rpc.Info) int {
		if a.Category != b.Category {
			return compare(a.Category, b.Category)
		}
		return compare(a.Name, b.Name)
	})
	return list
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
