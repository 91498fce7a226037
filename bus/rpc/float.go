package rpc

import "strconv"

// Float is a number that is shown with up to 16 significant digits, as Bitcoin Core
// shows those that are no amounts.
type Float float64

// MarshalJSON implements json.Marshaler.
func (f Float) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(f), 'g', 16, 64), nil
}
