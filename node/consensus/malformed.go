package consensus

import "fmt"

// Malformed is a serialisation that cannot be read. Reason is in the words of Bitcoin
// Core, if it refuses such a thing, too.
type Malformed struct{ What, Reason string }

func (m *Malformed) Error() string { return "parse " + m.What + ": " + m.Reason }

func follows(what string, rest []byte) error {
	return &Malformed{what, fmt.Sprintf("%d bytes follow it", len(rest))}
}

// faultOfBlock says why the library does not read a block: for the first fault there is,
// or else for a reason of its own.
func faultOfBlock(raw []byte, library error) error {
	if _, _, err := readBlock(raw); err != nil {
		return err
	}
	return &Malformed{"block", library.Error()}
}

// faultOfTx is the same for a transaction.
func faultOfTx(raw []byte, library error) error {
	r := reader{rest: raw}
	r.tx()
	if r.err != nil {
		return r.fault("transaction")
	}
	return &Malformed{"transaction", library.Error()}
}
