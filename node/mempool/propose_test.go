package mempool_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// inSteps is a pool whose transactions come in steps, beside one to which each is
// offered at once.
type inSteps struct {
	*rig
	once    *rig
	random  *rand.Rand
	outs    []spendable
	waiting []*mempool.Proposal
	blocks  byte
}

type spendable struct {
	op    wire.OutPoint
	value int64
}

func (s *inSteps) tip() mempool.Tip {
	tip := s.rig.tip()
	tip.Hash[0] = s.blocks
	return tip
}

// spend makes a transaction from outputs of which others may have been made, too.
func (s *inSteps) spend() *consensus.Tx {
	var from []wire.OutPoint
	value := int64(0)
	for range 1 + s.random.IntN(2) {
		out := s.outs[s.random.IntN(len(s.outs))]
		if len(from) == 0 || from[0] != out.op {
			from, value = append(from, out.op), value+out.value
		}
	}
	outputs := 1 + s.random.IntN(3)
	tx := payMany(value, int64(50+s.random.IntN(5000)), outputs, from...)
	if s.random.IntN(10) == 0 {
		tx = change(tx, func(tx *wire.MsgTx) { tx.TxIn[0].Witness = wire.TxWitness{{txscript.OP_2}} })
	}
	for i, out := range tx.TxOut {
		s.outs = append(s.outs, spendable{wire.OutPoint{Hash: tx.ID, Index: uint32(i)}, out.Value})
	}
	return tx
}

// propose takes the first steps. What they say is what a test says at that time.
func (s *inSteps) propose(tx *consensus.Tx) {
	_, want := s.once.Accept(tx, s.tip(), mempool.Options{Test: true})
	proposal, err := s.Propose(tx, s.tip(), mempool.Options{})
	if err == nil {
		err = s.Verify(proposal, s.Config().Verifier.VerifyTx)
	}
	require.Equal(s.t, fmt.Sprint(want), fmt.Sprint(err))
	if err == nil {
		s.waiting = append(s.waiting, proposal)
	}
}

// commit takes the last step of one that waits.
func (s *inSteps) commit() {
	if len(s.waiting) == 0 {
		return
	}
	i := s.random.IntN(len(s.waiting))
	proposal := s.waiting[i]
	s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
	tx := proposal.Result().Entry.Tx
	result, want := s.once.Accept(tx, s.tip(), mempool.Options{})
	got, err := s.Commit(proposal, s.tip())
	s.hear(got.Events)
	require.Equal(s.t, fmt.Sprint(want), fmt.Sprint(err))
	require.Equal(s.t, len(result.Replaced), len(got.Replaced))
	if err == nil {
		require.Equal(s.t, result.Entry.Sequence, got.Entry.Sequence)
		require.Equal(s.t, result.Entry.Fee, got.Entry.Fee)
	}
}

// confirm puts some of the pool, and a conflict with it, into a block.
func (s *inSteps) confirm() {
	block := &consensus.Block{}
	entries, _ := s.Entries()
	for _, e := range entries[:min(len(entries), 3)] {
		tx := e.Tx
		if s.random.IntN(4) == 0 {
			tx = change(tx, func(tx *wire.MsgTx) { tx.LockTime = 1 })
		}
		block.Txs = append(block.Txs, tx)
		for _, in := range tx.TxIn {
			delete(s.coins, in.PreviousOutPoint)
		}
		for i, out := range tx.TxOut {
			s.coins[wire.OutPoint{Hash: tx.ID, Index: uint32(i)}] = coins.Coin{Value: out.Value, Script: out.PkScript, Height: height}
		}
		if tx != e.Tx {
			break // what follows may spend the one that it is not
		}
	}
	s.blocks++
	s.BlockConnected(block, now)
	s.once.BlockConnected(block, now)
}

// In whatever order the steps of many transactions, conflicts and families among
// them, and blocks come: each is judged as one that is offered at that time.
func TestStepsJudgeAsAccept(t *testing.T) {
	kinds := map[string]int{}
	for seed := range uint64(30) {
		s := &inSteps{rig: newRig(t, nil), once: newRig(t, nil), random: rand.New(rand.NewPCG(seed, 0))}
		s.once.coins = s.coins
		for i := range byte(12) {
			s.outs = append(s.outs, spendable{fund(i), consensus.Coin})
		}
		for range 150 {
			switch dice := s.random.IntN(20); {
			case dice == 0:
				s.confirm()
			case dice < 11:
				s.propose(s.spend())
			default:
				s.commit()
			}
		}
		require.Equal(t, s.once.events, s.events, "seed %d", seed)
		require.Equal(t, s.once.Figures(), s.Figures())
		for _, ev := range s.events {
			kinds[ev[:1]]++
		}
	}
	require.Len(t, kinds, 4, "added, replaced, and removed by blocks and conflicts: %v", kinds)
}

// Scripts are verified again if something else is spent than was verified, or by
// other rules; nothing is taken for verified that was not.
func TestOtherCoinsAndRulesAreVerifiedAgain(t *testing.T) {
	r := newRig(t, func(cfg *mempool.Config) { cfg.RequireStandard = false })
	tip := r.tip()
	tip.Flags = txscript.ScriptBip16 | txscript.ScriptVerifyWitness
	runs := 0
	run := func(job script.Job, also txscript.ScriptFlags) error {
		runs++
		return script.New(script.Config{}).VerifyTx(job, also) // which remembers nothing
	}
	tx := pay(consensus.Coin, 1000, fund(0))
	proposal, err := r.Propose(tx, tip, mempool.Options{})
	require.NoError(t, err)
	_, err = r.Commit(proposal, tip)
	require.ErrorIs(t, err, mempool.ErrUnverified, "never")
	require.NoError(t, r.Verify(proposal, run))

	tip.Flags |= txscript.ScriptVerifySigPushOnly // the pool's rules do not have it
	_, err = r.Commit(proposal, tip)
	require.ErrorIs(t, err, mempool.ErrUnverified, "a rule came")
	require.NoError(t, r.Verify(proposal, run))

	coin := r.coins[fund(0)]
	coin.Script = []byte{txscript.OP_RETURN}
	r.coins[fund(0)], tip.Hash = coin, chainhash.Hash{1}
	_, err = r.Commit(proposal, tip)
	require.ErrorIs(t, err, mempool.ErrUnverified, "the coin is another")
	require.ErrorIs(t, r.Verify(proposal, run), consensus.NotStandard)

	coin.Script = anyone()
	r.coins[fund(0)], tip.Hash = coin, chainhash.Hash{2}
	_, err = r.Commit(proposal, tip)
	require.NoError(t, err, "what was verified is back")
	require.Equal(t, 3, runs)
}

// A transaction's scripts run once by the rules of policy, and the next block need
// not run them.
func TestTheNextBlockNeedNotRunScripts(t *testing.T) {
	r := newRig(t, nil)
	verifier := script.New(script.Config{Txs: 10})
	tip := r.tip()
	tip.Flags = txscript.ScriptBip16 | txscript.ScriptVerifyWitness
	tx := pay(consensus.Coin, 1000, fund(0))
	proposal, err := r.Propose(tx, tip, mempool.Options{})
	require.NoError(t, err)
	var jobs []script.Job
	require.NoError(t, r.Verify(proposal, func(job script.Job, also txscript.ScriptFlags) error {
		jobs = append(jobs, job)
		require.Equal(t, tip.Flags, also)
		return verifier.VerifyTx(job, also)
	}))
	require.Len(t, jobs, 1)
	require.EqualValues(t, mempool.StandardFlags, jobs[0].Flags)
	block := jobs[0]
	block.Flags, block.Spent = tip.Flags, []wire.TxOut{{PkScript: []byte{txscript.OP_RETURN}}}
	require.NoError(t, verifier.Verify([]script.Job{block}, false), "it is run")
}
