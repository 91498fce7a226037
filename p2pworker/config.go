package p2pworker

import (
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

// Config is what a worker needs to know. It crosses to the process as JSON.
type Config struct {
	// Net is the magic of the network, as wire has it.
	Net wire.BitcoinNet
	// DefaultPort completes targets that name none.
	DefaultPort uint16
	// Capacity is how many connections the worker has at most, 0 for any
	// number. A worker of capacity 1 ends with its only connection.
	Capacity int
	// UserAgent is the whole one, e.g. "/Bulkhead:0.1.0(comment)/".
	UserAgent string
	// Services are what we offer.
	Services wire.ServiceFlag
	// I2PBind is the address of the listener at which only a router of I2P connects, for
	// its peers; "" for none.
	I2PBind string
	// DesiredServices are what automatic outbound peers must offer.
	DesiredServices wire.ServiceFlag
	// UploadLimited: there is a -maxuploadtarget.
	UploadLimited bool
	BlocksOnly    bool `option:"blocksonly"`
	Reconciles    bool `option:"txreconciliation"`
	Capture       bool `option:"capturemessages"`
	LogIPs        bool `option:"logips"`
	NoDNS         bool `option:"!dns"`
	// MinRelayFeeRate is -minrelaytxfee in satoshi per 1000 vbytes.
	MinRelayFeeRate int64
	// PeerTimeout is -peertimeout, ConnectTimeout is -timeout.
	PeerTimeout, ConnectTimeout time.Duration
}

// speaksV2: connections may be encrypted (BIP324), as our services tell.
func (c Config) speaksV2() bool { return c.Services&wire.SFNodeP2PV2 != 0 }

func (c Config) withDefaults() Config {
	if c.PeerTimeout == 0 {
		c.PeerTimeout = 60 * time.Second
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.Services == 0 {
		c.Services = wire.SFNodeNetwork | wire.SFNodeNetworkLimited | wire.SFNodeWitness
	}
	if c.DesiredServices == 0 {
		c.DesiredServices = wire.SFNodeNetwork | wire.SFNodeWitness
	}
	return c
}
