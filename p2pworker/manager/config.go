package manager

import (
	crand "crypto/rand"
	"slices"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// Config is what the manager needs to know. It crosses to the process as JSON.
type Config struct {
	// DataDir is the network's own directory, with FileNames.
	DataDir string
	Net     wire.BitcoinNet
	// Regtest allows the commands that are for testing only.
	Regtest     bool
	DefaultPort uint16
	// IdleWorkers is how many workers wait for a connection where each
	// connection has its own; 0 where the number of workers is fixed.
	IdleWorkers int
	// Connect is -connect without its 0.
	Connect []string
	AddNode []string `option:"addnode"`
	// Automatic: connections are chosen from the address book (no -connect).
	Automatic bool
	DNSSeeds  []string // none to ask none
	// SeedNodes are asked for addresses if there are too few peers.
	SeedNodes []string `option:"seednode"`
	// ForceDNSSeed asks them in any case.
	ForceDNSSeed bool `option:"forcednsseed"`
	Networks     Networks
	// ASMap is the map of -asmap, empty for none, and ASMapFile where it is from.
	ASMap     []byte
	ASMapFile string
	// CheckBook has the address book be verified at one of so many uses, 0 for never.
	CheckBook int64 `option:"checkaddrman"`
	Tor       TorControl
	// ConnectTimeout is -timeout: how long a worker may take to dial.
	ConnectTimeout time.Duration
	// MaxConnections is -maxconnections, nil for the default.
	MaxConnections *int
	// InboundRelayPercent is -inboundrelaypercent, nil for the default.
	InboundRelayPercent *int
	// UploadTarget is -maxuploadtarget in bytes a day, 0 for no limit.
	UploadTarget uint64
	// Test are -test: "addrman" makes the places of addresses predictable, on regtest.
	Test       []string `option:"test"`
	Deprecated []string `option:"deprecatedrpc"`
	// Whitelist and Whitebind are as given.
	Whitelist           []string `option:"whitelist"`
	Whitebind           []string `option:"whitebind"`
	NoWhitelistRelay    bool     `option:"!whitelistrelay"`
	WhitelistForceRelay bool     `option:"whitelistforcerelay"`
	// BanTime is -bantime.
	BanTime         time.Duration
	NetworkInactive bool `option:"!networkactive"`
	// Kept is what a manager before this one has handed to msg.KeepPeers, none at first.
	Kept []byte
	// Past are the connections that managers before this one have handed to
	// msg.RememberPeers, the oldest first.
	Past [][]byte
	// What getnetworkinfo tells.
	ClientVersion int
	UserAgent     string
	Services      wire.ServiceFlag
	// Rates are -maxdownloadrate and -maxuploadrate.
	Rates p2p.Rates
	// Profiles are -listenprofile.
	Profiles   []Profile
	BlocksOnly bool `option:"blocksonly"`
	// PrivateBroadcast: connections are made that send one transaction each.
	PrivateBroadcast                 bool  `option:"privatebroadcast"`
	Capture                          bool  `option:"capturemessages"`
	MinRelayFeeRate, IncrementalRate int64 // satoshi per 1000 vbytes
	// Own is where peers may find us.
	Own Own
}

func (c Config) withDefaults() Config {
	if c.BanTime == 0 {
		c.BanTime = 24 * time.Hour
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.Services == 0 {
		c.Services = wire.SFNodeNetwork | wire.SFNodeNetworkLimited | wire.SFNodeWitness
	}
	c.Networks = c.Networks.withDefaults()
	return c
}

// bookKey is the key of a new address book.
func (c Config) bookKey() (key [32]byte) {
	if c.Regtest && slices.Contains(c.Test, "addrman") {
		return [32]byte{1}
	}
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = crand.Read(key[:])
	return key
}

// speaksV2: connections may be encrypted (BIP324), as our services tell.
func (c Config) speaksV2() bool { return c.Services&wire.SFNodeP2PV2 != 0 }

// dialSlack is how long, beside the dialling itself, a worker may take to learn
// of a dial and to tell how it ended. It waits half as long for us.
const dialSlack = time.Minute

// i2pSlack is for a router of I2P to build tunnels.
const i2pSlack = 3 * time.Minute

func (c Config) limits() roster.Limits {
	l := roster.DefaultLimits()
	l.Port = c.DefaultPort
	l.DialTime = c.ConnectTimeout + dialSlack
	if _, ok := c.Networks.proxy(p2p.I2P); ok {
		l.DialTime += i2pSlack
	}
	if c.PrivateBroadcast {
		l.Private = p2p.MaxPrivate
	}
	if c.MaxConnections != nil {
		l.Total = max(*c.MaxConnections, 0)
	}
	if c.InboundRelayPercent != nil {
		l.TxRelayPercent = min(max(*c.InboundRelayPercent, 0), 100)
	}
	l.Pools = map[string]roster.Pool{}
	for _, p := range c.Profiles {
		l.Pools[p.Name] = roster.Pool{Slots: p.Slots, Reserved: p.Exempt}
	}
	if len(c.Connect) > l.Manual {
		l.Manual = len(c.Connect)
	}
	return l
}
