package zmtp

import "fmt"

// LimitError tells which limit a peer, or what was to be sent to it, exceeded.
type LimitError struct {
	What  string // what is limited: a frame, a message, ...
	Size  uint64 // of it, as claimed
	Limit int    // the largest Size allowed
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s of %d exceeds the limit of %d", e.What, e.Size, e.Limit)
}
