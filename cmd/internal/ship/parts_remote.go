package ship

import (
	"encoding/json"
	"os"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/bulkheadnode/bulkhead/bus/gateway"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/p2pworker"
)

// configure makes the part's settings as those of a part of the ship are made,
// and opens its listeners. remove takes away what it left on the disk.
func (r *remote) configure() (remove func(), err error) {
	remove = func() {}
	if err := refuseMetrics(r.cfg.Settings, r.cfg.Role); err != nil {
		return remove, err
	}
	var list []gateway.Account
	switch r.cfg.Role {
	case roles.Worker:
		err = r.listenPeers()
	case roles.Gateway:
		list, remove, err = r.openGateway()
	}
	if err != nil {
		return remove, err
	}
	parts, err := newPartSettings(Config{Settings: r.cfg.Settings, Layout: r.cfg.Layout, Version: r.cfg.Version}, nil, nil, list)
	if err != nil {
		return remove, err
	}
	if r.cfg.Role == roles.Notify {
		if len(parts.publishers()) == 0 {
			return remove, config.Complain("bulkhead notify publishes nothing without -zmqpub<topic>=<address>.")
		}
		r.listeners = parts.listenZMQ(r.logger)
	}
	settings, err := r.settingsFrom(parts)
	if err != nil {
		return remove, err
	}
	r.settings, err = json.Marshal(settings)
	return remove, err
}

func (r *remote) settingsFrom(p *partSettings) (any, error) {
	switch r.cfg.Role {
	case roles.Worker:
		cfg, _ := p.worker(r.instance()).Settings.(p2pworker.Config)
		cfg.Capacity = 0 // one process for all connections of this machine
		return cfg, nil
	case roles.Wallet:
		cfg := p.walletSettings(r.name)
		cfg.Create = true
		return cfg, nil
	case roles.Notify:
		return p.notify, nil
	default:
		return p.gateway, nil
	}
}

// listenPeers lets peers connect to this machine if that is asked for.
func (r *remote) listenPeers() error {
	s := r.cfg.Settings
	for _, name := range []string{"proxy", "onion", "i2psam", "onlynet", "cjdnsreachable", "listenonion", "torcontrol"} {
		if s.Has(name) {
			return config.Complain("-%s is for the node, which tells its workers how to reach peers, by addresses that count on the machine of each worker.", name)
		}
	}
	for _, name := range []string{"maxdownloadrate", "maxuploadrate", "listenprofile"} {
		if s.Has(name) {
			return config.Complain("-%s is for the node, whose limits hold for all its workers together.", name)
		}
	}
	if len(s.List("whitebind")) > 0 {
		return config.Complain("-whitebind grants permissions, which the node does: give it to the node, and -bind to the worker.")
	}
	if !s.Bool("listen", len(s.List("bind")) > 0) {
		return nil
	}
	endpoints, err := p2pEndpoints(s, r.cfg.Layout.Chain)
	if err != nil {
		return err
	}
	return r.listen(endpoints)
}

func (r *remote) listen(endpoints []binding) error {
	listeners, notes, err := listenAll(endpoints)
	for _, note := range notes {
		r.logger.Info(note)
	}
	r.listeners = supervise.Sockets(listeners)
	if err == nil && len(listeners) == 0 {
		err = config.Complain("Failed to listen on any port.")
	}
	return err
}

func (r *remote) openGateway() (list []gateway.Account, remove func(), err error) {
	remove = func() {}
	endpoints, warnings, err := rpcEndpoints(r.cfg.Settings, r.cfg.Layout.Chain)
	if err != nil {
		return nil, remove, err
	}
	metrics, err := metricsBindings(r.cfg.Settings)
	if err != nil {
		return nil, remove, err
	}
	for _, warning := range append(warnings, openToOthers(metrics)...) {
		r.logger.Warn(warning)
	}
	if err := r.listen(append(endpoints, metrics...)); err != nil {
		return nil, remove, err
	}
	sockets, err := listenRPCSockets(r.cfg.Settings, r.cfg.Layout, r.logger)
	r.listeners = slices.Insert(r.listeners, len(r.listeners)-len(metrics), sockets...)
	if err != nil {
		return nil, remove, err
	}
	list, cookie, err := accounts(r.cfg.Settings, r.cfg.Layout.Cookie)
	if cookie {
		remove = func() { os.Remove(r.cfg.Layout.Cookie) }
	}
	return list, remove, err
}
