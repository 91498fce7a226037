package consensus

import (
	"encoding/hex"
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// Params are the rules of one chain. Set by ForChain, then changed only by
// the code that starts the node, before use.
type Params struct {
	*chaincfg.Params         // magic, genesis, address prefixes
	Name             string  // one of package chains
	PowLimit         Uint256 // greatest target
	// WarningHeight is from where versions of blocks tell of rules that we do not know:
	// below, they told of those that we know by their heights.
	WarningHeight    int32
	Interval         int32   // blocks between changes of difficulty
	Spacing          int64   // seconds between blocks that the difficulty aims at
	MinDifficulty    bool    // testnets: a late block may be easy
	NoRetarget       bool    // regtest: the difficulty never changes
	BIP94            bool    // rules against time warps and block storms
	HalvingInterval  int32   // blocks
	SignetChallenge  []byte  // script that a block's solution must satisfy (BIP325)
	MinimumWork      Uint256 // a chain with less is not trusted
	AssumeValid      chainhash.Hash
	Assumed          []AssumedSet // lowest first
	TxRate           TxRate
	PruneAfterHeight int32 // below it no block file is deleted
	// SyncPeriod is how many headers lie between two of which a bit is kept while
	// they show their work, SyncBuffer how many wait for more above them (package
	// headersync; Bitcoin Core's values, which weigh memory against chance).
	SyncPeriod, SyncBuffer int32
	TestDummy              Deployment

	// First heights at which rules are in force.
	BIP34Height  int32
	BIP65Height  int32
	BIP66Height  int32
	CSVHeight    int32 // BIP68, BIP112, BIP113
	SegwitHeight int32 // BIP141, BIP143, BIP147
	BIP34Hash    chainhash.Hash

	// Blocks that break rules that were not in force then.
	ScriptExceptions map[chainhash.Hash]txscript.ScriptFlags
}

// Deployment is a soft fork signalled by BIP9 version bits.
type Deployment struct {
	Bit       uint
	Start     int64 // MTP in Unix seconds; NeverActive
	Threshold int32 // signalling blocks of a period that lock it in
	Period    int32
}

// NeverActive as Start keeps a deployment from starting.
const NeverActive = -2

// ForChain returns the parameters of a chain by Bitcoin Core's name for it.
// challenge, in hex, replaces that of the default signet unless it is empty.
func ForChain(name, challenge string) (*Params, error) {
	chain, err := chains.Named(name)
	if err != nil {
		return nil, err
	}
	p := base(chain)
	switch chain.Name {
	case chains.Main:
		p.setMain()
	case chains.Testnet3:
		p.setTestnet3()
	case chains.Testnet4:
		p.setTestnet4()
	case chains.Signet:
		if err := p.setSignet(challenge); err != nil {
			return nil, err
		}
	case chains.Regtest:
		p.setRegtest()
	default:
		return nil, fmt.Errorf("the rules of chain %q are unknown", name)
	}
	return p, nil
}

// base has what most chains share.
func base(chain chains.Chain) *Params {
	return &Params{
		Params: chain.Params, Name: chain.Name,
		PowLimit: BigUint256(chain.Params.PowLimit), Interval: 2016, Spacing: 600,
		HalvingInterval: chain.Params.SubsidyReductionInterval, PruneAfterHeight: 1000,
		TestDummy:   Deployment{Bit: 28, Start: NeverActive, Threshold: 1815, Period: 2016},
		BIP34Height: 1, BIP65Height: 1, BIP66Height: 1, CSVHeight: 1, SegwitHeight: 1,
	}
}

func mustHash(text string) chainhash.Hash {
	hash, err := chainhash.NewHashFromStr(text)
	if err != nil {
		panic(err) // a constant of this file is malformed
	}
	return *hash
}

func mustNumber(text string) Uint256 {
	n, ok := HexUint256("0x" + text)
	if !ok {
		panic("malformed number " + text) // a constant of this file
	}
	return n
}

func (p *Params) setMain() {
	p.WarningHeight = 711648
	p.PruneAfterHeight = 100_000
	p.SyncPeriod, p.SyncBuffer = 641, 15218
	p.BIP34Height, p.BIP65Height, p.BIP66Height, p.CSVHeight, p.SegwitHeight = 227931, 388381, 363725, 419328, 481824
	p.BIP34Hash = mustHash("000000000000024b89b42a942fe0d9fea3bb44ab7bd1b19115dd6a759c0808b8")
	p.ScriptExceptions = map[chainhash.Hash]txscript.ScriptFlags{
		mustHash("00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22"): 0,
		mustHash("0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad"): txscript.ScriptBip16 | txscript.ScriptVerifyWitness,
	}
	p.MinimumWork = mustNumber("0000000000000000000000000000000000000001128750f82f4c366153a3a030")
	p.AssumeValid = mustHash("00000000000000000000ccebd6d74d9194d8dcdc1d177c478e094bfad51ba5ac")
	p.Assumed, p.TxRate = mainSets(), TxRate{1772055173, 1315805869, 5.40111006496122}
}

func (p *Params) setTestnet3() {
	p.BIP34Height, p.BIP65Height, p.BIP66Height, p.CSVHeight, p.SegwitHeight = 21111, 581885, 330776, 770112, 834624
	p.BIP34Hash = mustHash("0000000023b3a96d3484e5abb3755c413e7d41500f8e2a5c3f0dd01299cd8ef8")
	p.ScriptExceptions = map[chainhash.Hash]txscript.ScriptFlags{
		mustHash("00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105"): 0,
	}
	p.MinDifficulty = true
	p.SyncPeriod, p.SyncBuffer = 673, 14460
	p.TestDummy.Threshold, p.WarningHeight = 1512, 2013984
	p.MinimumWork = mustNumber("0000000000000000000000000000000000000000000017dde1c649f3708d14b6")
	p.AssumeValid = mustHash("000000007a61e4230b28ac5cb6b5e5a0130de37ac1faf2f8987d2fa6505b67f4")
	p.Assumed, p.TxRate = testnet3Sets(), TxRate{1772051651, 536108416, 0.02691479016257117}
}

func (p *Params) setTestnet4() {
	p.MinDifficulty, p.BIP94 = true, true
	p.SyncPeriod, p.SyncBuffer = 606, 16092
	p.TestDummy.Threshold = 1512
	p.MinimumWork = mustNumber("0000000000000000000000000000000000000000000009a0fe15d0177d086304")
	p.AssumeValid = mustHash("0000000002368b1e4ee27e2e85676ae6f9f9e69579b29093e9a82c170bf7cf8a")
	p.Assumed, p.TxRate = testnet4Sets(), TxRate{1772013387, 14191421, 0.01848579579528412}
}

func (p *Params) setSignet(challenge string) error {
	p.Assumed = signetSets()
	p.SyncPeriod, p.SyncBuffer = 620, 15724
	if challenge == "" {
		p.SignetChallenge = chaincfg.DefaultSignetChallenge
		p.MinimumWork = mustNumber("00000000000000000000000000000000000000000000000000000b463ea0a4b8")
		p.AssumeValid = mustHash("00000008414aab61092ef93f1aacc54cf9e9f16af29ddad493b908a01ff5c329")
		p.TxRate = TxRate{1772055248, 28676833, 0.06736623436338929}
		return nil
	}
	script, err := hex.DecodeString(challenge)
	if err != nil {
		return fmt.Errorf("-signetchallenge must be hex, not '%s'", challenge)
	}
	cfg := chaincfg.CustomSignetParams(script, nil)
	cfg.Net = signetMagic(script)
	p.Params, p.SignetChallenge = &cfg, script
	return nil
}

func (p *Params) setRegtest() {
	p.Interval = 144
	p.SyncPeriod, p.SyncBuffer = 275, 7017
	p.MinDifficulty, p.NoRetarget = true, true
	p.SegwitHeight = 0
	p.TestDummy = Deployment{Bit: 28, Start: 0, Threshold: 108, Period: 144}
	p.Assumed, p.TxRate = regtestSets(), TxRate{0, 0, 0.001}
}

// IsMain reports whether the coins are worth something.
func (p *Params) IsMain() bool { return p.Name == chains.Main }

// Timespan is the seconds that Interval blocks should take.
func (p *Params) Timespan() int64 { return int64(p.Interval) * p.Spacing }

// Subsidy returns the new satoshi that a block at height may create.
func (p *Params) Subsidy(height int32) int64 {
	halvings := height / p.HalvingInterval
	if halvings >= 64 {
		return 0
	}
	return 50 * Coin >> halvings
}

// ScriptFlags returns the rules for the scripts of a block.
func (p *Params) ScriptFlags(hash *chainhash.Hash, height int32) txscript.ScriptFlags {
	flags := txscript.ScriptBip16 | txscript.ScriptVerifyWitness | txscript.ScriptVerifyTaproot
	if exception, ok := p.ScriptExceptions[*hash]; ok {
		flags = exception
	}
	if height >= p.BIP66Height {
		flags |= txscript.ScriptVerifyDERSignatures
	}
	if height >= p.BIP65Height {
		flags |= txscript.ScriptVerifyCheckLockTimeVerify
	}
	if height >= p.CSVHeight {
		flags |= txscript.ScriptVerifyCheckSequenceVerify
	}
	if height >= p.SegwitHeight {
		flags |= txscript.ScriptStrictMultiSig // BIP147
	}
	return flags
}
