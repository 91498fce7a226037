package amount

import "fmt"

// Coin is a bitcoin, and Max all that there can ever be.
const (
	Coin Amount = 100_000_000
	Max         = 21_000_000 * Coin
)

// Amount is an amount in satoshi. In JSON it is a number of bitcoins with
// exactly eight decimals.
type Amount int64

func (a Amount) String() string {
	sign := ""
	if a < 0 {
		sign, a = "-", -a
	}
	return fmt.Sprintf("%s%d.%08d", sign, int64(a/Coin), int64(a%Coin))
}

// MarshalJSON writes a number with eight decimals.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }
