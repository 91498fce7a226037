package gateway

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// WalletMeta is the key under which the process of a wallet announces the
// wallet's name.
const WalletMeta = "wallet"

// directory knows who offers which command. A command stays known when its
// part is gone: the part is being restarted.
type directory struct {
	news sync.Mutex // over taking events, and over sub and log
	sub  *bus.Subscription
	log  *slog.Logger

	mu       sync.RWMutex
	commands map[string]rpc.Info
	offers   map[string][]string // command to instances, sorted
	wallets  map[string]string   // instance to wallet name
	lost     map[string]string   // the same of processes that have ended
}

func newDirectory() *directory {
	return &directory{
		commands: map[string]rpc.Info{},
		offers:   map[string][]string{}, wallets: map[string]string{}, lost: map[string]string{},
	}
}

// follow keeps the directory up to date until ctx ends.
func (d *directory) follow(ctx context.Context, conn *bus.Conn, log *slog.Logger) error {
	sub, err := conn.Subscribe(ctx, msg.LinkUp.Name(), msg.LinkGone.Name())
	if err != nil {
		return err
	}
	defer sub.Close()
	if err := d.reload(ctx, conn, log); err != nil {
		return err
	}
	d.news.Lock()
	d.sub, d.log = sub, log
	d.news.Unlock()
	for {
		if d.takeNews() {
			if err := d.reload(ctx, conn, log); err != nil {
				return err
			}
		}
		if err := sub.Wait(ctx); err != nil {
			return err
		}
	}
}

// takeNews takes in what has been announced so far. Whoever has just been told
// of a new part by that part finds it here. It reports whether some news were
// lost.
func (d *directory) takeNews() (lost bool) {
	d.news.Lock()
	defer d.news.Unlock()
	if d.sub == nil {
		return false
	}
	for {
		ev, ok := d.sub.TryNext()
		if !ok {
			return lost
		}
		lost = lost || ev.Gap > 0
		switch {
		case msg.LinkUp.Matches(ev):
			if entry, err := msg.LinkUp.Decode(ev); err == nil {
				d.enter(entry, d.log)
			}
		case msg.LinkGone.Matches(ev):
			if entry, err := msg.LinkGone.Decode(ev); err == nil {
				d.remove(entry.Instance)
			}
		}
	}
}

func (d *directory) reload(ctx context.Context, conn *bus.Conn, log *slog.Logger) error {
	registry, err := msg.Registry.Call(ctx, conn, bus.None{})
	if err != nil {
		return err
	}
	present := map[string]bool{}
	for _, entry := range registry.Links {
		present[entry.Instance] = true
		d.enter(entry, log)
	}
	d.mu.RLock()
	var gone []string
	for _, instances := range d.offers {
		for _, instance := range instances {
			if !present[instance] {
				gone = append(gone, instance)
			}
		}
	}
	d.mu.RUnlock()
	for _, instance := range gone {
		d.remove(instance)
	}
	return nil
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
	if name, ok := entry.Meta[WalletMeta]; ok {
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
