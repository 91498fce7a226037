package ship

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/gateway"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/notify"
	"github.com/bulkheadnode/bulkhead/wallet"
)

// nodePatience is how long the node may take to write its caches out.
const nodePatience = 10 * time.Minute

// crew knows every compartment's settings.
type crew struct {
	settings  *config.Settings
	layout    *config.Layout
	version   string
	params    *chaincfg.Params
	p2p, rpcs []*net.TCPListener

	signetChallenge string // hex; "" for the default signet's

	metrics   []*net.TCPListener
	accounts  []gateway.Account
	workers   workerPlan
	userAgent string
	relay     feeRates
	node      node.Config
	notify    notify.Config
	gateway   gateway.Config
}

func newCrew(cfg Config, p2p, rpcs []*net.TCPListener, accounts []gateway.Account) (*crew, error) {
	c := &crew{settings: cfg.Settings, layout: cfg.Layout, version: cfg.Version, p2p: p2p, rpcs: rpcs, accounts: accounts}
	for _, build := range []func() error{
		c.chooseParams, c.planWorkers, c.nameAgent, c.readFees, c.configureNotify, c.configureNode, c.configureGateway,
	} {
		if err := build(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *crew) chooseParams() (err error) {
	challenges := c.settings.List("signetchallenge")
	if len(challenges) > 1 {
		return config.Complain("-signetchallenge cannot be multiple values.")
	}
	c.signetChallenge = strings.Join(challenges, "")
	if c.params, err = node.ChainParams(c.layout.Chain.Name, c.signetChallenge); err != nil {
		return config.Complain("%v.", err)
	}
	return nil
}

func (c *crew) configureGateway() error {
	networks, err := allowedNetworks(c.settings)
	if err != nil {
		return err
	}
	metrics, err := metricsBindings(c.settings)
	if err != nil {
		return err
	}
	c.gateway = gateway.Config{
		Accounts: c.accounts, Allow: networks,
		Threads: int(c.settings.Int("rpcthreads", 0)), Queue: int(c.settings.Int("rpcworkqueue", 0)),
		Timeout: time.Duration(c.settings.Int("rpcservertimeout", 0)) * time.Second, LogPath: c.layout.LogFile,
		Metrics: len(metrics),
	}
	return nil
}

// required names what the node is not ready without: roles, and the wallets.
func (c *crew) required() []string {
	names := []string{string(broker.Node), string(broker.Peers), string(broker.Notify)}
	if !noWorkers(c.settings) {
		names = append(names, string(broker.Worker))
	}
	if !c.walletDisabled() {
		names = append(names, string(broker.Wallet), loadedWallets)
	}
	return names
}

func (c *crew) walletDisabled() bool { return c.settings.Bool("disablewallet", false) }

// initial are the compartments that run from the start.
func (c *crew) initial() []supervise.Spec {
	// What was wiped once must not be wiped again by a node that died.
	again := c.node
	again.Reindex, again.ReindexChainstate = false, false
	specs := []supervise.Spec{
		{Role: broker.Node, Instance: "node", Settings: c.node, Again: again, Policy: supervise.Vital, Patience: nodePatience},
		{Role: broker.Peers, Instance: "peers", Settings: c.manager()},
		{Role: broker.Notify, Instance: "notify", Settings: c.notify},
	}
	if spec, wanted := c.gatewayOf(); wanted {
		specs = append(specs, spec)
	}
	if !c.walletDisabled() {
		specs = append(specs, supervise.Spec{Role: broker.Wallet, Instance: walletKeeper, Settings: c.walletSettings("")})
	}
	return specs
}

// wallet is the process of one wallet.
func (c *crew) wallet(instance, name string) supervise.Spec {
	return supervise.Spec{Role: broker.Wallet, Instance: instance, Settings: c.walletSettings(name), Policy: supervise.Guest}
}

// regtestFallbackFee spares test chains, whose coins are worth nothing, a
// setting without which no payment could be made. Satoshi per 1000 vbytes.
const regtestFallbackFee = 20_000

func (c *crew) walletSettings(name string) wallet.Config {
	cfg := wallet.Config{
		Chain: c.layout.Chain.Name, Dir: c.layout.WalletDir, Name: name,
		Settings: settingsFile(c.layout), FallbackFee: c.relay.fallback,
	}
	if name == "" {
		for _, w := range c.settings.List("wallet") {
			if w != "" {
				cfg.Load = append(cfg.Load, w)
			}
		}
	}
	return cfg
}

// nameAgent builds the user agent (BIP14).
func (c *crew) nameAgent() error {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;-_?@"
	comments := c.settings.List("uacomment")
	for _, comment := range comments {
		if strings.Trim(comment, safe) != "" {
			return config.Complain("User Agent comment (%s) contains unsafe characters.", comment)
		}
	}
	c.userAgent = fmt.Sprintf("/%s:%s/", Name, c.version)
	if len(comments) > 0 {
		c.userAgent = fmt.Sprintf("/%s:%s(%s)/", Name, c.version, strings.Join(comments, "; "))
	}
	if limit := 256; len(c.userAgent) > limit {
		return config.Complain("Total length of network version string (%d) exceeds maximum length (%d). Reduce the number or size of uacomments.", len(c.userAgent), limit)
	}
	return nil
}

func (c *crew) rpcAddresses() []string { return addresses(c.rpcs) }
func (c *crew) p2pAddresses() []string { return addresses(c.p2p) }

func addresses(listeners []*net.TCPListener) []string {
	var list []string
	for _, l := range listeners {
		list = append(list, l.Addr().String())
	}
	return list
}
