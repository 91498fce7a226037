package node

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/internal/wording"

	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/feed"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// Config is what the node's process needs. It crosses to it as JSON. Start
// from DefaultConfig. A tag names the setting that fills a field.
type Config struct {
	Chain           string   // a name of package chains
	Dir             string   // the chain's own data directory, which exists
	BlocksDir       string   // holds the folder "blocks"
	BlocksXOR       bool     `option:"blocksxor"`
	FastPrune       bool     `option:"fastprune"` // small block files
	SignetChallenge string   // hex, "" for the default signet's
	CacheMiB        int64    `option:"dbcache"`
	Parallel        int      // -par: script verification, zero for one a processor
	AssumeValid     string   `option:"assumevalid"`      // hex, "" for the release's, "0" for none
	MinimumWork     string   `option:"minimumchainwork"` // hex, "" for the release's
	MaxTipAge       int64    `option:"maxtipage"`        // seconds
	LoadBlock       []string `option:"loadblock"`
	StopAfterImport bool     `option:"stopafterblockimport"`
	StopAtHeight    int32    `option:"stopatheight"`

	Reindex           bool  `option:"reindex"`
	ReindexChainstate bool  `option:"reindex-chainstate"`
	ReindexOnDamage   bool  // make the index anew by itself if it is damaged
	PruneMiB          int64 `option:"prune"`       // 0 no, 1 by pruneblockchain only, else what blocks may take
	CheckBlocks       int   `option:"checkblocks"` // 0 all, -1 none
	CheckLevel        int   `option:"checklevel"`

	TestActivation []string `option:"testactivationheight"` // name@height
	Test           []string `option:"test"`                 // bip94 is the node's
	// Assumed are UTXO sets that loadtxoutset takes beside those of the release,
	// for tests on regtest.
	Assumed        []consensus.AssumedSet
	TxIndex        bool     `option:"txindex"`
	FilterIndex    bool     // -blockfilterindex=basic
	CoinStatsIndex bool     `option:"coinstatsindex"`
	SpenderIndex   bool     `option:"txospenderindex"`
	Deprecated     []string `option:"deprecatedrpc"`
	BlockVersion   int32    // of mined blocks on regtest, zero for the right one

	MaxMempoolMB      int64 `option:"maxmempool"`
	MempoolHours      int64 `option:"mempoolexpiry"`
	TxRate            int   `option:"txsendrate"`
	MinRelay          int64 // this and the next three in satoshi per 1000 vbytes
	Incremental       int64
	Dust              int64
	BlockMin          int64
	BlockMaxWeight    int   `option:"blockmaxweight"`
	BlockReserved     int   `option:"blockreservedweight"`
	PrintPriority     bool  `option:"printpriority"`
	DataCarrier       bool  `option:"datacarrier"`
	DataCarrierSize   int   `option:"datacarriersize"`
	BareMultisig      bool  `option:"permitbaremultisig"`
	AcceptNonStandard bool  `option:"acceptnonstdtxn"`
	ClusterCount      int   `option:"limitclustercount"`
	ClusterKvB        int64 `option:"limitclustersize"`
	BytesPerSigOp     int   `option:"bytespersigop"`
	ExtraTxs          int   `option:"blockreconstructionextratxn"`
	PersistMempool    bool  `option:"persistmempool"`
	PersistMempoolV1  bool  `option:"persistmempoolv1"` // not obfuscated
	// BlocksOnly: no transactions come from peers, so nothing is learnt of fees.
	BlocksOnly bool `option:"blocksonly"`
	// StaleFees: estimates of fee rates are taken over whatever their age; on regtest only.
	StaleFees bool `option:"acceptstalefeeestimates"`
	// PrivateBroadcast: what our user sends goes out by connections of its own.
	PrivateBroadcast bool `option:"privatebroadcast"`

	// Resumes tells that a process before this one has died: users are not to see it go
	// back to where it begins.
	Resumes bool

	// Events tells that somebody hears the topics under msg.EventPrefix.
	Events bool
}

// DefaultConfig returns Bitcoin Core's settings for a chain.
func DefaultConfig(chain string) Config {
	policy := mempool.DefaultConfig()
	return Config{
		Chain: chain, CheckBlocks: noderpc.DefaultCheckBlocks, CheckLevel: noderpc.DefaultCheckLevel, BlocksXOR: true, CacheMiB: 450, MaxTipAge: 24 * 60 * 60,
		MaxMempoolMB: policy.MaxBytes / 1_000_000, MempoolHours: policy.ExpirySeconds / 3600,
		MinRelay: int64(policy.MinRelay), Incremental: int64(policy.Incremental), Dust: int64(policy.Dust),
		BlockMin: 1, BlockMaxWeight: consensus.MaxBlockWeight, BlockReserved: 8000,
		DataCarrier: true, DataCarrierSize: policy.DataCarrier, BareMultisig: policy.BareMultisig,
		ClusterCount: policy.ClusterCount, ClusterKvB: policy.ClusterVSize / 1000, BytesPerSigOp: policy.BytesPerSigOp,
		PersistMempool: true, ExtraTxs: 100, TxRate: feed.DefaultTxRate,
	}
}

// maxClusterCount bounds -limitclustercount: to order a cluster takes the third power
// of its size.
const maxClusterCount = 64

// minClusters is how many of the largest clusters a mempool holds at least.
const minClusters = 40

// Validate reports the first setting that cannot be, in Bitcoin Core's words.
func (c *Config) Validate() error {
	if err := c.validatePruning(); err != nil {
		return err
	}
	if c.StaleFees && !c.BlocksOnly && c.Chain != chains.Regtest {
		return wording.Errorf("acceptstalefeeestimates is not supported on %s chain.", c.Chain)
	}
	if c.ClusterCount > maxClusterCount {
		return wording.Errorf("limitclustercount must be less than or equal to %d", maxClusterCount)
	}
	if least := c.ClusterKvB * 1000 * minClusters; c.MaxMempoolMB != 0 && c.MaxMempoolMB*1_000_000 < least {
		return wording.Errorf("-maxmempool must be at least %d MB", (least+999_999)/1_000_000)
	}
	if err := c.validateMining(); err != nil {
		return err
	}
	_, err := c.params()
	return err
}

// minReserved is the weight that a header and the smallest coinbase may need.
const minReserved = 2000

func (c *Config) validateMining() error {
	const beyond = "-%s (%d) exceeds consensus maximum block weight (%d)"
	switch {
	case c.BlockReserved < minReserved:
		return wording.Errorf("-blockreservedweight (%d) is lower than minimum safety value of (%d)", c.BlockReserved, minReserved)
	case c.BlockReserved > consensus.MaxBlockWeight:
		return wording.Errorf(beyond, "blockreservedweight", c.BlockReserved, consensus.MaxBlockWeight)
	case c.BlockMaxWeight > consensus.MaxBlockWeight:
		return wording.Errorf(beyond, "blockmaxweight", c.BlockMaxWeight, consensus.MaxBlockWeight)
	case c.BlockReserved > c.BlockMaxWeight:
		return wording.Errorf("-blockreservedweight (%d) exceeds -blockmaxweight (%d)", c.BlockReserved, c.BlockMaxWeight)
	}
	return nil
}

// ChainParams returns the addresses, peers and genesis block of a chain; see
// Config for its arguments.
func ChainParams(chain, signetChallenge string) (*chaincfg.Params, error) {
	p, err := consensus.ForChain(chain, signetChallenge)
	if err != nil {
		return nil, err
	}
	return p.Params, nil
}

// params returns the rules of the chain as the settings change them.
func (c *Config) params() (*consensus.Params, error) {
	p, err := consensus.ForChain(c.Chain, c.SignetChallenge)
	if err != nil {
		return nil, err
	}
	if c.MinimumWork != "" {
		work, ok := consensus.HexUint256("0x" + strings.TrimPrefix(c.MinimumWork, "0x"))
		if !ok {
			return nil, wording.Errorf("Invalid minimum work specified (%s), must be up to 64 hex digits", c.MinimumWork)
		}
		p.MinimumWork = work
	}
	if c.AssumeValid != "" {
		hash, err := hashSetting(c.AssumeValid)
		if err != nil {
			return nil, wording.Errorf("Invalid assumevalid block hash specified (%s), must be up to 64 hex digits (or 0 to disable)", c.AssumeValid)
		}
		p.AssumeValid = hash
	}
	if c.FastPrune {
		p.PruneAfterHeight = 100
	}
	if len(c.Test) > 0 && c.Chain != chains.Regtest {
		return nil, wording.Errorf("-test=<option> can only be used with regtest")
	}
	p.BIP94 = p.BIP94 || slices.Contains(c.Test, "bip94")
	if len(c.Assumed) > 0 && c.Chain != chains.Regtest {
		return nil, wording.Errorf("UTXO sets can be added on regtest only")
	}
	p.Assumed = append(p.Assumed, c.Assumed...)
	for _, setting := range c.TestActivation {
		if err := activate(p, setting); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func hashSetting(text string) (hash chainhash.Hash, err error) {
	text = strings.TrimPrefix(text, "0x")
	if len(text)%2 == 1 {
		text = "0" + text
	}
	if _, err := hex.DecodeString(text); err != nil {
		return hash, err
	}
	return hash, chainhash.Decode(&hash, text)
}

// activate moves the first height of a soft fork: name@height.
func activate(p *consensus.Params, setting string) error {
	name, text, found := strings.Cut(setting, "@")
	if !found {
		return wording.Errorf("Invalid format (%s) for -testactivationheight=name@height.", setting)
	}
	height, err := strconv.ParseInt(text, 10, 32)
	if err != nil || height < 0 || height >= 1<<31-1 {
		return wording.Errorf("Invalid height value (%s) for -testactivationheight=name@height.", setting)
	}
	heights := map[string]*int32{
		"segwit": &p.SegwitHeight, "bip34": &p.BIP34Height, "dersig": &p.BIP66Height, "cltv": &p.BIP65Height, "csv": &p.CSVHeight,
	}
	target := heights[name]
	if target == nil {
		return wording.Errorf("Invalid name (%s) for -testactivationheight=name@height.", setting)
	}
	*target = int32(height)
	return nil
}

func (c *Config) policy() mempool.Config {
	carried := c.DataCarrierSize
	if !c.DataCarrier {
		carried = 0
	}
	return mempool.Config{
		MaxBytes: c.MaxMempoolMB * 1_000_000, ExpirySeconds: c.MempoolHours * 3600,
		MinRelay: mempool.Rate(c.MinRelay), Incremental: mempool.Rate(c.Incremental), Dust: mempool.Rate(c.Dust),
		DataCarrier: carried, BareMultisig: c.BareMultisig, RequireStandard: !c.AcceptNonStandard,
		ClusterCount: c.ClusterCount, ClusterVSize: c.ClusterKvB * 1000, BytesPerSigOp: c.BytesPerSigOp,
	}
}
