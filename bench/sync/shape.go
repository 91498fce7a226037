package main

// shape is how a chain is built up.
type shape struct {
	Seed     uint64
	Funding  int // empty blocks whose rewards are spent later
	Payments int // blocks with payments
	PerBlock int // payments in each
	Burying  int // empty blocks on top
}

// shapeOf is the shape of a scale. The burying blocks are enough for two weeks
// of work, after which scripts of vouched blocks are not verified.
func shapeOf(scale float64) shape {
	at := func(n int) int { return max(1, int(float64(n)*scale)) }
	return shape{Seed: 1, Funding: max(at(600), 450), Payments: at(2400), PerBlock: 500, Burying: 2100}
}

func (s shape) blocks() int { return s.Funding + s.Payments + s.Burying }

// vouched is the height that -assumevalid names.
func (s shape) vouched() int { return s.Funding + s.Payments }
