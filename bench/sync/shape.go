package main

import "fmt"

// generation is counted up when the same shape makes other bytes than before,
// so that no run takes an older chain from the cache.
const generation = 2

// chain is one that nodes can sync.
type chain interface {
	name() string
	// sizes are the numbers that, with the name, make the file's bytes.
	sizes() []int
	blocks() int
	// vouched is the height that -assumevalid names.
	vouched() int
	filler() filler
}

// fileName tells chains of all names, sizes and generations apart.
func fileName(c chain) string {
	name := fmt.Sprintf("chain-%s-g%d", c.name(), generation)
	for _, n := range c.sizes() {
		name += fmt.Sprintf("-%d", n)
	}
	return name + ".dat"
}

// shape is how the chain of payments is built up.
type shape struct {
	Seed     uint64
	Funding  int // empty blocks whose rewards are spent later
	Payments int // blocks with payments
	PerBlock int // payments in each
	Burying  int // empty blocks on top
}

const (
	// leastFunding lets the last deployment of BIP9 become active on regtest
	// before anything needs it.
	leastFunding = 450
	// burying blocks are enough for two weeks of work, after which scripts of
	// vouched blocks are not verified.
	burying = 2100
)

// scaled is a share of a number, at least 1.
func scaled(n int, scale float64) int { return max(1, int(float64(n)*scale)) }

// shapeOf is the shape of a scale.
func shapeOf(scale float64) shape {
	return shape{
		Seed: 1, Funding: max(scaled(600, scale), leastFunding), Payments: scaled(2400, scale), PerBlock: 500, Burying: burying,
	}
}

func (s shape) name() string { return "payments" }

func (s shape) sizes() []int { return []int{int(s.Seed), s.Funding, s.Payments, s.PerBlock, s.Burying} }

func (s shape) blocks() int { return s.Funding + s.Payments + s.Burying }

func (s shape) vouched() int { return s.Funding + s.Payments }

func (s shape) filler() filler { return &paymentFiller{wallet: newWallet(s.Seed), shape: s} }
