package chains

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/btcsuite/btcd/chaincfg/v2"
)

// Names of the chains, as -chain, JSON-RPC and sections of bitcoin.conf have
// them.
const (
	Main     = "main"
	Testnet3 = "test"
	Testnet4 = "testnet4"
	Signet   = "signet"
	Regtest  = "regtest"
)

// CoinbaseMaturity is on every chain how many blocks lie between a coinbase's
// and the first that may spend it.
const CoinbaseMaturity = 100

// Chain is what sets a chain apart for those who need no rules of consensus.
type Chain struct {
	Name    string
	Setting string // that chooses it, besides -chain; "" for the default chain
	About   string // for the help
	Folder  string // in the data directory; "" for the data directory itself
	RPCPort int    // default
	Params  *chaincfg.Params
}

// All returns the chains that are known, the default first.
func All() []Chain {
	return []Chain{
		{Name: Main, About: "the chain of money", RPCPort: 8332, Params: &chaincfg.MainNetParams},
		{
			Name: Testnet3, Setting: "testnet", About: "the third test network", Folder: "testnet3",
			RPCPort: 18332, Params: &chaincfg.TestNet3Params,
		},
		{
			Name: Testnet4, Setting: "testnet4", About: "the fourth test network (BIP94)", Folder: "testnet4",
			RPCPort: 48332, Params: &chaincfg.TestNet4Params,
		},
		{
			Name: Signet, Setting: "signet", About: "a test network of signed blocks (BIP325)", Folder: "signet",
			RPCPort: 38332, Params: &chaincfg.SigNetParams,
		},
		{
			Name: Regtest, Setting: "regtest", About: "blocks are mined at will", Folder: "regtest",
			RPCPort: 18443, Params: &chaincfg.RegressionNetParams,
		},
	}
}

// Named returns a chain by its name.
func Named(name string) (Chain, error) {
	all := All()
	i := slices.IndexFunc(all, func(c Chain) bool { return c.Name == name })
	if i < 0 {
		return Chain{}, fmt.Errorf("unknown chain %q", name)
	}
	return all[i], nil
}

// P2PPort is the default port for peers.
func (c Chain) P2PPort() int {
	port, err := strconv.Atoi(c.Params.DefaultPort)
	if err != nil {
		panic(err) // a constant of chaincfg is malformed
	}
	return port
}
