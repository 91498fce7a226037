package throttle

import "time"

// What urgent bytes may overdraw of an Own: a minute's bytes, but no less than a few
// compact blocks, and no more than of a Ledger. It comes back at a part of the rate.
const (
	ownSeconds = 60
	ownLeast   = 64 << 10
)

// Own is a limit that only one process keeps: that of one connection in one direction.
// A nil Own limits nothing.
type Own struct {
	bucket, urgent *Bucket
	// ahead: the last bytes that were taken were urgent ones that need not wait.
	ahead bool
}

// NewOwn returns a limit in bytes a second, nil for a rate of 0.
func NewOwn(now time.Time, bytes int64) *Own {
	if bytes <= 0 {
		return nil
	}
	burst := min(max(bytes*ownSeconds, ownLeast), urgentBurst)
	return &Own{bucket: NewBucket(now, bytes), urgent: newAllowance(bytes/urgentShare, int(burst))}
}

// Quantum is how many bytes are to be taken at a time.
func (o *Own) Quantum() int {
	if o == nil {
		return most
	}
	return o.bucket.Quantum()
}

// Take takes up to a quantum of bytes and returns the pause after which they may pass.
// Urgent ones may pass at once, as long as there are not too many; those that come
// after make up for them.
func (o *Own) Take(now time.Time, n int, urgent bool) (wait time.Duration) {
	if o == nil {
		return 0
	}
	wait = o.bucket.Take(now, n)
	o.ahead = urgent && wait > 0 && o.urgent.takeAtOnce(now, n)
	if o.ahead {
		return 0
	}
	return wait
}

// Give takes back n bytes of what was last taken, that did not pass.
func (o *Own) Give(now time.Time, n int) {
	if o == nil || n <= 0 {
		return
	}
	o.bucket.give(now, n)
	if o.ahead {
		o.urgent.give(now, n)
	}
}
