package main

import "math/rand/v2"

// wallet holds all coins and spends them at random.
type wallet struct {
	random   *rand.Rand
	accounts []account
	scripts  map[*kind]*[keys][]byte // of kinds that are not salted
	coins    []coin
	fresh    []coin           // made by payments that are in no block yet
	locked   map[int32][]coin // by the height at which they can be spent
}

func newWallet(seed uint64) *wallet {
	w := &wallet{
		random: rand.New(rand.NewPCG(seed, seed)), scripts: map[*kind]*[keys][]byte{}, locked: map[int32][]coin{},
	}
	for n := range keys {
		w.accounts = append(w.accounts, newAccount(n))
	}
	return w
}

// mint is a new coin that is not placed yet.
func (w *wallet) mint(k *kind, account uint16, salt uint32) coin {
	c := coin{kind: k, account: account, salt: salt}
	if k.salted {
		c.script = k.script(w.owner(c))
		return c
	}
	known := w.scripts[k]
	if known == nil {
		known = new([keys][]byte)
		w.scripts[k] = known
	}
	if known[account] == nil {
		known[account] = k.script(w.owner(c))
	}
	c.script = known[account]
	return c
}

// anyones is a new coin of a kind, whose value is not known yet.
func (w *wallet) anyones(k *kind) coin {
	return w.mint(k, uint16(w.random.IntN(keys)), w.random.Uint32())
}

// draw takes a coin out at random.
func (w *wallet) draw() (coin, bool) {
	if len(w.coins) == 0 {
		return coin{}, false
	}
	return pick(&w.coins, w.random.IntN(len(w.coins))), true
}

// pick removes a coin from a list, whose last coin gets its place.
func pick(list *[]coin, i int) coin {
	c := (*list)[i]
	last := len(*list) - 1
	(*list)[i] = (*list)[last]
	*list = (*list)[:last]
	return c
}

// Shares of payments.
const (
	secondInput = 0.2 // have a second input
	thirdInput  = 0.2 // of those have a third
)

// inputs is how many inputs an ordinary payment has.
func (w *wallet) inputs() int {
	if w.random.Float64() >= secondInput {
		return 1
	}
	if w.random.Float64() >= thirdInput {
		return 2
	}
	return 3
}

// portion is what the next of several outputs gets of a value: at most the
// same as each of the others, and at least half of that.
func (w *wallet) portion(value int64, outputs int) int64 {
	share := value / int64(outputs)
	if outputs == 1 {
		return share
	}
	return share/2 + w.random.Int64N(share/2+1)
}

// settle makes the signed payments' coins spendable after a block, or after
// their lock times.
func (w *wallet) settle(height int32) {
	for _, c := range w.fresh {
		c.at.Hash, c.from = c.from.id, nil
		if wait := int32(w.delay(c)); wait > 1 {
			w.locked[height+wait] = append(w.locked[height+wait], c)
			continue
		}
		w.coins = append(w.coins, c)
	}
	w.fresh = w.fresh[:0]
}

// ripen frees the coins that a block at a height may spend again.
func (w *wallet) ripen(height int32) {
	w.coins = append(w.coins, w.locked[height]...)
	delete(w.locked, height)
}
