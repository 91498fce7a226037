package throttle

import (
	"time"

	"golang.org/x/time/rate"
)

const (
	// least and most bound a lease and the steps of a Bucket, in bytes.
	least, most = 1 << 10, 128 << 10
	// quantumShare and burstShare are the parts of a second's bytes that are leased
	// at a time, and that may be saved up: the time that a busy machine takes to
	// ask again is not to be lost.
	quantumShare, burstShare = 20, 4
)

// Bucket is a limit in bytes a second. A nil Bucket limits nothing.
type Bucket struct {
	limiter *rate.Limiter
}

// NewBucket returns a bucket that is empty now, nil for a rate of 0.
func NewBucket(now time.Time, bytes int64) *Bucket {
	if bytes <= 0 {
		return nil
	}
	b := &Bucket{rate.NewLimiter(rate.Limit(bytes), int(max(bytes/burstShare, least)))}
	b.Take(now, b.limiter.Burst())
	return b
}

// Quantum is how many bytes are to be taken at a time.
func (b *Bucket) Quantum() int {
	if b == nil {
		return most
	}
	return int(min(max(b.limiter.Limit()/quantumShare, least), most))
}

// Take takes n bytes, which may be more than there are, and returns the pause after
// which they are made up for.
func (b *Bucket) Take(now time.Time, n int) (wait time.Duration) {
	if b == nil {
		return 0
	}
	for n > 0 {
		part := min(n, b.limiter.Burst())
		wait = b.limiter.ReserveN(now, part).DelayFrom(now)
		n -= part
	}
	return wait
}

// takeAtOnce takes n bytes if they are there.
func (b *Bucket) takeAtOnce(now time.Time, n int) bool { return b.limiter.AllowN(now, n) }

// give puts n bytes back: a reservation of fewer than none. What is more than the bucket
// holds is lost, as ever.
func (b *Bucket) give(now time.Time, n int) { b.limiter.ReserveN(now, -n) }

// takeFromAll takes n bytes of each bucket if all have them, else of none: who is
// refused by its own must not use up what others may have of the rest.
func takeFromAll(now time.Time, n int, buckets []*Bucket) bool {
	for _, b := range buckets {
		if b.limiter.TokensAt(now) < float64(n) {
			return false
		}
	}
	for _, b := range buckets {
		b.takeAtOnce(now, n)
	}
	return true
}

// setRate changes how fast a bucket fills, not what is in it.
func (b *Bucket) setRate(now time.Time, bytes int64) { b.limiter.SetLimitAt(now, rate.Limit(bytes)) }

// newAllowance is a bucket that begins full.
func newAllowance(bytes int64, burst int) *Bucket {
	return &Bucket{rate.NewLimiter(rate.Limit(bytes), burst)}
}
