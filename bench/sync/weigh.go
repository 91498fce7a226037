package main

// frame is the weight of a transaction without inputs and outputs: version,
// lock time, the counts in their longest form here, marker and flag.
const frame = 4*(4+4+3+3) + 2

// weight is at most that of the signed payment, and less by a few units for
// each signature that is shorter than it could be.
func (w *wallet) weight(p *payment) int {
	sum := frame
	for _, c := range p.spent {
		sum += w.inputWeight(c)
	}
	for _, out := range p.tx.TxOut {
		sum += outputWeight(out.PkScript)
	}
	return sum
}
