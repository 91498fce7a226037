package main

import (
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// stages are the parts of a chain whose rewards are split into coins of chosen
// kinds before these are spent.
type stages struct {
	Seed     uint64
	Funding  int // empty blocks whose rewards are split later
	Fanout   int // blocks that split them
	PerBlock int // coins that each of those makes
	Waiting  int // empty blocks, in which relative lock times pass
	Spending int
	Burying  int // empty blocks on top
}

func (s stages) sizes() []int {
	return []int{int(s.Seed), s.Funding, s.Fanout, s.PerBlock, s.Waiting, s.Spending, s.Burying}
}

func (s stages) blocks() int { return s.vouched() + s.Burying }

func (s stages) vouched() int { return s.Funding + s.Fanout + s.Waiting + s.Spending }

func (s stages) fanning(height int32) bool {
	n := int(height) - s.Funding
	return n > 0 && n <= s.Fanout
}

func (s stages) spending(height int32) bool {
	return int(height) > s.Funding+s.Fanout+s.Waiting && int(height) <= s.vouched()
}

// stagedFiller fills the blocks of a chain of stages.
type stagedFiller struct {
	*wallet
	stages
	kind func() *kind // of the next coin that a reward is split into
	// spend makes the payments of a block of the spending stage.
	spend   func(height int32) []*payment
	rewards []coin
	next    coin // the reward of the block that is being made
}

func newStagedFiller(s stages) *stagedFiller {
	return &stagedFiller{wallet: newWallet(s.Seed), stages: s}
}

func (f *stagedFiller) fill(height int32) ([]*consensus.Tx, error) {
	f.ripen(height)
	var list []*payment
	switch {
	case f.fanning(height):
		list = f.split(height)
	case f.spending(height):
		list = f.spend(height)
	}
	return f.signAll(list)
}

// fanoutOutputs is how many outputs a payment has that splits a reward.
const fanoutOutputs = 200

// split makes a block's share of coins from as many rewards as are needed.
func (f *stagedFiller) split(height int32) (list []*payment) {
	for left := f.PerBlock; left > 0 && len(f.rewards) > 0; {
		p := f.payment(height)
		f.take(p, f.rewards[0])
		f.rewards = f.rewards[1:]
		for range min(left, fanoutOutputs) {
			p.add(f.anyones(f.kind()))
		}
		left -= len(p.made)
		f.share(p)
		f.fresh = append(f.fresh, p.made...)
		list = append(list, p)
	}
	return list
}

// payment is one that no block before this height may hold: wallets set such
// lock times against fee sniping, and HTLC-timeout transactions need one.
func (f *stagedFiller) payment(height int32) *payment {
	p := newPayment()
	p.tx.LockTime = uint32(height - 1)
	return p
}

func (f *stagedFiller) take(p *payment, c coin) { p.take(c, f.sequence(c)) }

// fee is a satoshi for each unit of weight.
func (f *stagedFiller) fee(p *payment) int64 { return int64(f.weight(p)) }

// share gives the outputs what the inputs have and the fee leaves.
func (f *stagedFiller) share(p *payment) {
	value := p.value() - f.fee(p)
	for i := range p.made {
		c := &p.made[i]
		c.value = f.portion(value, len(p.made)-i)
		value -= c.value
		p.tx.TxOut[i].Value = c.value
	}
}

func (f *stagedFiller) reward() []byte {
	f.next = f.mint(p2wpkh, uint16(f.random.IntN(keys)), 0)
	return f.next.script
}

// mined keeps the rewards that have matured when they are split.
func (f *stagedFiller) mined(height int32, coinbase *consensus.Tx) {
	if int(height) <= f.Funding-coinbaseMaturity {
		f.rewards = append(f.rewards, rewardOf(f.next, coinbase))
	}
	f.settle(height)
}
