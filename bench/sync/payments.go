package main

import "github.com/bulkheadnode/bulkhead/node/consensus"

// Shares of the figures that the chain of payments is to have.
const (
	taprootShare  = 0.3
	thirdOutput   = 0.5
	paymentFee    = 1000 // satoshi
	smallestShare = 3000 // satoshi: coins below are not split further
)

// paymentFiller fills blocks with a number of payments of P2WPKH and P2TR.
type paymentFiller struct {
	*wallet
	shape
	next coin // the reward of the block that is being made
}

// output is a new coin that is not placed yet.
func (f *paymentFiller) output(value int64) coin {
	account, kind := uint16(f.random.IntN(keys)), p2wpkh
	if f.random.Float64() < taprootShare {
		kind = p2trKey
	}
	c := f.mint(kind, account, 0)
	c.value = value
	return c
}

func (f *paymentFiller) fill(height int32) ([]*consensus.Tx, error) {
	if n := int(height) - f.Funding; n <= 0 || n > f.Payments {
		return nil, nil
	}
	var list []*payment
	for range f.PerBlock {
		p := f.pay()
		if p == nil {
			break
		}
		list = append(list, p)
	}
	for _, p := range list {
		f.fresh = append(f.fresh, p.made...)
	}
	return f.signAll(list)
}

// pay makes the next payment, nil if there are no coins.
func (f *paymentFiller) pay() *payment {
	p := newPayment()
	for range f.inputs() {
		c, ok := f.draw()
		if !ok {
			break
		}
		p.take(c, f.sequence(c))
	}
	if len(p.spent) == 0 {
		return nil
	}
	f.split(p, p.value()-paymentFee)
	return p
}

// split shares a value among two or three outputs, or gives it to one if it is
// small.
func (f *paymentFiller) split(p *payment, value int64) {
	outputs := 2
	if f.random.Float64() < thirdOutput {
		outputs++
	}
	if value < smallestShare*int64(outputs) {
		outputs = 1
	}
	for left := outputs; left > 0; left-- {
		share := f.portion(value, left)
		value -= share
		p.add(f.output(max(share, 1)))
	}
}

func (f *paymentFiller) reward() []byte {
	f.next = f.output(0)
	return f.next.script
}

// mined makes the block's outputs spendable: rewards of the funding blocks when
// the payments begin, for they have matured by then.
func (f *paymentFiller) mined(height int32, coinbase *consensus.Tx) {
	if int(height) <= f.Funding-coinbaseMaturity {
		f.coins = append(f.coins, rewardOf(f.next, coinbase))
	}
	f.settle(height)
}
