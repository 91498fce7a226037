package ship

import (
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/bus/gateway"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/cmd/internal/version"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/notify"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

// referenceName is that of Bitcoin Core in user agents (BIP14).
const referenceName = "Satoshi"

// defaultHold is how many seconds a call waits for a compartment that is being restarted.
const defaultHold = 15

// nodePatience is how long the node may take to write its caches out.
const nodePatience = 10 * time.Minute

// partSettings knows every compartment's settings.
type partSettings struct {
	version   string // of this program
	settings  *config.Settings
	layout    *config.Layout
	params    *chaincfg.Params
	p2p, rpcs []*net.TCPListener

	signetChallenge string // hex; "" for the default signet's

	further      []supervise.Socket // of the gateway, beside rpcs: see listenFurther
	zmq          []supervise.Socket
	accounts     []gateway.Account
	workers      workerPlan
	networks     manager.Networks
	tor          manager.TorControl
	own          manager.Own
	uploadTarget uint64
	asmap        []byte
	asmapFile    string
	userAgent    string
	relay        config.FeeRates
	rates        p2p.Rates
	profiles     []manager.Profile
	kept         keptPeers
	node         node.Config
	notify       notify.Config
	gateway      gateway.Config
}

func newPartSettings(cfg Config, p2p, rpcs []*net.TCPListener, accounts []gateway.Account) (*partSettings, error) {
	p := &partSettings{version: cfg.Version, settings: cfg.Settings, layout: cfg.Layout, p2p: p2p, rpcs: rpcs, accounts: accounts}
	var err error
	if p.userAgent, err = cfg.Settings.UserAgent(config.Product{Name: referenceName, Version: version.Reference}, config.Product{Name: Name, Version: cfg.Version}); err != nil {
		return nil, err
	}
	if p.relay, err = cfg.Settings.FeeRates(cfg.Layout.Chain); err != nil {
		return nil, err
	}
	for _, build := range []func() error{
		p.chooseParams, p.planWorkers, p.configureNetworks, p.readASMap, p.configureRates, p.configureNotify, p.configureNode, p.configureGateway,
	} {
		if err := build(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *partSettings) chooseParams() (err error) {
	challenges := p.settings.List("signetchallenge")
	if len(challenges) > 1 {
		return config.Complain("-signetchallenge cannot be multiple values.")
	}
	p.signetChallenge = strings.Join(challenges, "")
	if p.params, err = node.ChainParams(p.layout.Chain.Name, p.signetChallenge); err != nil {
		return config.Complain("%v.", err)
	}
	return nil
}

func (p *partSettings) configureGateway() error {
	networks, err := p.settings.AllowedNetworks()
	if err != nil {
		return err
	}
	metrics, err := metricsBindings(p.settings)
	if err != nil {
		return err
	}
	p.gateway = gateway.Config{
		Product: Name, Version: p.version,
		Accounts: p.accounts, Allow: networks,
		Threads: int(p.settings.Int("rpcthreads", 0)), Queue: int(p.settings.Int("rpcworkqueue", 0)),
		Hold:    time.Duration(max(p.settings.Int("rpcholdtimeout", defaultHold), 0)) * time.Second,
		Timeout: time.Duration(p.settings.Int("rpcservertimeout", 0)) * time.Second, LogPath: p.layout.LogFile,
		Metrics: len(metrics), REST: p.settings.Bool("rest", false),
		Whitelists: gateway.ParseWhitelists(p.settings.List("rpcwhitelist")),
		ListedOnly: p.settings.Bool("rpcwhitelistdefault", len(p.settings.List("rpcwhitelist")) > 0),
	}
	return nil
}

// required names what the node is not ready without: roles, and the wallets.
func (p *partSettings) required() []string {
	names := []string{string(roles.Node), string(roles.Peers), string(roles.Notify)}
	if !noWorkers(p.settings) {
		names = append(names, string(roles.Worker))
	}
	if !p.walletDisabled() {
		names = append(names, string(roles.Wallet), loadedWallets)
	}
	return names
}

func (p *partSettings) walletDisabled() bool { return p.settings.Bool("disablewallet", false) }

// initial are the compartments that run from the start.
func (p *partSettings) initial(log *slog.Logger) ([]supervise.Spec, error) {
	peers, err := p.peers()
	if err != nil {
		return nil, err
	}
	specs := []supervise.Spec{
		p.nodeSpec(log),
		peers,
		{Role: roles.Notify, Instance: "notify", Settings: p.notify, Listeners: p.zmq},
	}
	if p.settings.Bool("multiprocess", true) {
		// In one process the workers dial themselves.
		specs = append(specs, p.dialler())
	}
	if spec, wanted := p.gatewayOf(); wanted {
		specs = append(specs, spec)
	}
	if !p.walletDisabled() {
		specs = append(specs, p.keeperOfWallets(log))
	}
	return specs, nil
}

func (p *partSettings) rpcAddresses() []string { return addresses(p.rpcs) }
func (p *partSettings) p2pAddresses() []string { return addresses(p.p2p) }

func addresses(listeners []*net.TCPListener) []string {
	var list []string
	for _, l := range listeners {
		list = append(list, l.Addr().String())
	}
	return list
}
