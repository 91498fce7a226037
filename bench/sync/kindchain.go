package main

import "strings"

// kindShape is a chain whose spending blocks spend coins of one kind.
type kindShape struct {
	stages
	Kind *kind // nil for a chain of empty blocks, which all others hold too
}

// Blocks of each stage of a kind's chain, and what each holds at scale 1:
// 20,000 inputs in all.
const (
	kindBlocks   = 40
	kindPerBlock = 500
)

// kindShapes are a chain of no kind and one of each.
func kindShapes(scale float64) (list []chain) {
	s := stages{
		Seed: 1, Funding: leastFunding, Fanout: kindBlocks, PerBlock: scaled(kindPerBlock, scale),
		Waiting: toSelfDelay, Spending: kindBlocks, Burying: 1,
	}
	for _, k := range append([]*kind{nil}, kinds...) {
		list = append(list, kindShape{stages: s, Kind: k})
	}
	return list
}

// row is the kind's name in reports.
func (s kindShape) row() string {
	if s.Kind == nil {
		return "no inputs"
	}
	return s.Kind.name
}

func (s kindShape) name() string { return strings.ReplaceAll(strings.ToLower(s.row()), " ", "-") }

func (s kindShape) filler() filler {
	if s.Kind == nil {
		s.PerBlock = 0
	}
	f := &kindFiller{stagedFiller: newStagedFiller(s.stages)}
	f.kind, f.spend = func() *kind { return s.Kind }, f.payments
	return f
}

// kindFiller spends the coins of a chain's one kind. All pay to P2WPKH, so that
// chains differ in what is spent.
type kindFiller struct{ *stagedFiller }

// payments spend as many coins as a block of the fan-out made.
func (f *kindFiller) payments(height int32) (list []*payment) {
	for left := f.PerBlock; left > 0; {
		p := f.payment(height)
		for range min(f.inputs(), left) {
			c, ok := f.draw()
			if !ok {
				return list
			}
			f.take(p, c)
		}
		left -= len(p.spent)
		p.add(f.anyones(p2wpkh))
		p.add(f.anyones(p2wpkh))
		f.share(p)
		list = append(list, p)
	}
	return list
}
