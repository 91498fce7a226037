package rpc

import (
	"context"
	"math"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

func (n blockQueries) deploymentCommands() rpc.Table {
	return rpc.Table{{
		Name: "getdeploymentinfo", Returns: deploymentInfo{}, Category: "Blockchain", Run: n.getDeploymentInfo,
		Summary: "Returns an object containing various state info regarding deployments of consensus changes.\n" +
			"Consensus changes for which the new rules are enforced from genesis are not listed in \"deployments\".",
		Params: []rpc.Param{{Name: "blockhash", Type: rpc.String, Form: rpc.Hex, Optional: true, Default: "hash of current chain tip", Help: "The block hash at which to query deployment state"}},
	}}
}

type deploymentInfo struct {
	Hash        string      `json:"hash"`
	Height      int32       `json:"height"`
	ScriptFlags []string    `json:"script_flags"`
	Deployments deployments `json:"deployments"`
}

type deployments struct {
	BIP34     buried        `json:"bip34"`
	BIP66     buried        `json:"bip66"`
	BIP65     buried        `json:"bip65"`
	CSV       buried        `json:"csv"`
	Segwit    buried        `json:"segwit"`
	TestDummy *bip9Deployed `json:"testdummy,omitempty"`
}

type buried struct {
	Type   string `json:"type"`
	Active bool   `json:"active"`
	Height int32  `json:"height"`
}

type bip9Deployed struct {
	Type   string   `json:"type"`
	Height *int32   `json:"height,omitempty"`
	Active bool     `json:"active"`
	BIP9   bip9Info `json:"bip9"`
}

type bip9Info struct {
	Bit        *uint      `json:"bit,omitempty"`
	Start      int64      `json:"start_time"`
	Timeout    int64      `json:"timeout"`
	MinHeight  int32      `json:"min_activation_height"`
	Status     string     `json:"status"`
	Since      int32      `json:"since"`
	StatusNext string     `json:"status_next"`
	Statistics *bip9Stats `json:"statistics,omitempty"`
	Signalling string     `json:"signalling,omitempty"`
}

type bip9Stats struct {
	Period    int32  `json:"period"`
	Elapsed   int32  `json:"elapsed"`
	Count     int32  `json:"count"`
	Threshold *int32 `json:"threshold,omitempty"`
	Possible  *bool  `json:"possible,omitempty"`
}

func (n blockQueries) getDeploymentInfo(_ context.Context, call *rpc.Call) (any, error) {
	at := n.Tree.View().Tip()
	if call.Has(0) {
		var err error
		if at, err = n.block(call, 0); err != nil {
			return nil, err
		}
	}
	soft := func(height int32) buried { return buried{"buried", at.Height+1 >= height, height} }
	p := n.Params
	info := deploymentInfo{Hash: at.Hash.String(), Height: at.Height, ScriptFlags: flagNames(p.ScriptFlags(&at.Hash, at.Height))}
	info.Deployments = deployments{
		BIP34: soft(p.BIP34Height), BIP66: soft(p.BIP66Height), BIP65: soft(p.BIP65Height), CSV: soft(p.CSVHeight), Segwit: soft(p.SegwitHeight),
	}
	if p.TestDummy.Start != consensus.NeverActive {
		info.Deployments.TestDummy = describeBIP9(at, p.TestDummy)
	}
	return info, nil
}

// flagNames lists the rules for scripts by Bitcoin Core's names, sorted.
func flagNames(flags txscript.ScriptFlags) []string {
	names := []string{}
	for _, f := range []struct {
		flag txscript.ScriptFlags
		name string
	}{
		{txscript.ScriptVerifyCheckLockTimeVerify, "CHECKLOCKTIMEVERIFY"}, {txscript.ScriptVerifyCheckSequenceVerify, "CHECKSEQUENCEVERIFY"},
		{txscript.ScriptVerifyDERSignatures, "DERSIG"}, {txscript.ScriptStrictMultiSig, "NULLDUMMY"},
		{txscript.ScriptBip16, "P2SH"}, {txscript.ScriptVerifyTaproot, "TAPROOT"}, {txscript.ScriptVerifyWitness, "WITNESS"},
	} {
		if flags&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

func describeBIP9(at *chain.BlockNode, d consensus.Deployment) *bip9Deployed {
	info := &bip9Deployed{Type: "bip9", BIP9: bip9Info{
		Start: d.Start, Timeout: math.MaxInt64,
		Status: chain.DeploymentState(at.Parent, d), StatusNext: chain.DeploymentState(at, d), Since: stateSince(at, d),
	}}
	switch {
	case info.BIP9.Status == chain.Active:
		info.Height, info.Active = &info.BIP9.Since, true
	case info.BIP9.StatusNext == chain.Active:
		height := at.Height + 1
		info.Height, info.Active = &height, true
	}
	if s := info.BIP9.Status; s == chain.Started || s == chain.LockedIn {
		info.BIP9.Bit = &d.Bit
		info.BIP9.Statistics, info.BIP9.Signalling = bip9Statistics(at, d, s == chain.Started)
	}
	return info
}

// stateSince returns the first height with the state of a block.
func stateSince(at *chain.BlockNode, d consensus.Deployment) int32 {
	state := chain.DeploymentState(at.Parent, d)
	first := at.Height - at.Height%d.Period
	for first > 0 {
		if chain.DeploymentState(at.Ancestor(first-d.Period).Parent, d) != state {
			return first
		}
		first -= d.Period
	}
	return 0
}

func bip9Statistics(at *chain.BlockNode, d consensus.Deployment, undecided bool) (*bip9Stats, string) {
	stats := &bip9Stats{Period: d.Period, Elapsed: at.Height%d.Period + 1}
	signalling := make([]byte, stats.Elapsed)
	for i, block := int(stats.Elapsed)-1, at; i >= 0; i, block = i-1, block.Parent {
		signalling[i] = '-'
		if chain.Signals(block, d) {
			signalling[i] = '#'
			stats.Count++
		}
	}
	if undecided {
		possible := d.Period-d.Threshold >= stats.Elapsed-stats.Count
		stats.Threshold, stats.Possible = &d.Threshold, &possible
	}
	return stats, string(signalling)
}
