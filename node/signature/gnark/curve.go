package gnark

import (
	"math/big"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fp"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

// curveB is the constant of y*y = x*x*x + 7.
var curveB = fp.NewElement(7)

// liftX finds the point with an even y (BIP340, lift_x).
func liftX(p *secp256k1.G1Affine, x []byte) bool {
	if p.X.SetBytesCanonical(x) != nil {
		return false
	}
	var square fp.Element
	square.Square(&p.X).Mul(&square, &p.X).Add(&square, &curveB)
	if p.Y.Sqrt(&square) == nil {
		return false
	}
	if isOdd(&p.Y) {
		p.Y.Neg(&p.Y)
	}
	return true
}

func isOdd(e *fp.Element) bool { return e.Bits()[0]&1 == 1 }

// multiples returns g*G + q*p.
func multiples(g *fr.Element, p *secp256k1.G1Affine, q *fr.Element) (sum secp256k1.G1Jac) {
	var factor big.Int
	sum.FromAffine(p)
	sum.ScalarMultiplication(&sum, q.BigInt(&factor))
	addBaseMultiple(&sum, g)
	return sum
}

// addBaseMultiple adds g*G to sum.
func addBaseMultiple(sum *secp256k1.G1Jac, g *fr.Element) {
	table := baseMultiples()
	for i, digit := range g.Bytes() {
		if digit > 0 {
			sum.AddMixed(&table[i*255+int(digit)-1])
		}
	}
}

// baseMultiples returns the multiples of the generator G by 1 to 255 times the
// powers of 256, the highest power first: half a megabyte.
var baseMultiples = sync.OnceValue(func() []secp256k1.G1Affine {
	const digits = fr.Bytes
	table := make([]secp256k1.G1Jac, digits*255)
	power, _ := secp256k1.Generators()
	for i := digits - 1; i >= 0; i-- {
		row := table[i*255 : (i+1)*255]
		row[0] = power
		for j := 1; j < len(row); j++ {
			row[j].Set(&row[j-1]).AddAssign(&power)
		}
		power.AddAssign(&row[len(row)-1])
	}
	return secp256k1.BatchJacobianToAffineG1(table)
})
