package signature

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/signature/gnark"
	"github.com/bulkheadnode/bulkhead/node/signature/twin"
)

var (
	howMany = flag.Int("signatures", 3000, "how many signatures all libraries verify in TestLibrariesAgree")
	seed    = flag.Uint64("seed", 0, "what they are made of; zero for another each time")
)

const (
	ecdsaPerRound   = 600
	schnorrPerRound = 400
	tweaksPerRound  = 50
)

// tally counts what was refused and what was accepted, by class.
type tally map[string][2]int

func (t tally) add(class string, accepted bool) {
	counts := t[class]
	if accepted {
		counts[1]++
	} else {
		counts[0]++
	}
	t[class] = counts
}

// libraries are asked about every signature. In the build with libsecp256k1 the
// package's own functions are that library.
func libraries() (ecdsa, schnorr map[string]func(key, sig, hash []byte) bool) {
	type verify = func(key, sig, hash []byte) bool
	ecdsa = map[string]verify{"gnark-crypto": gnark.VerifyECDSA, "btcec": twin.VerifyECDSA}
	schnorr = map[string]verify{"gnark-crypto": gnark.VerifySchnorr, "btcec": twin.VerifySchnorr}
	if !AsksTwo {
		ecdsa[Library], schnorr[Library] = VerifyECDSA, VerifySchnorr
	}
	return ecdsa, schnorr
}

// judge asks libraries about a signature.
func (t triple) judge(ask map[string]func(key, sig, hash []byte) bool) (accepted bool, err error) {
	accepted = ask["btcec"](t.key, t.sig, t.hash)
	if t.want != unknown && accepted != (t.want == valid) {
		return accepted, fmt.Errorf("btcec says %v", accepted)
	}
	for name, verify := range ask {
		if verify(t.key, t.sig, t.hash) != accepted {
			return accepted, fmt.Errorf("btcec says %v, %s does not", accepted, name)
		}
	}
	return accepted, nil
}

// verify makes and judges count signatures, of each class in turn.
func (r *round) verify(kind string, classes []class, count int, counts tally, judge func(t triple) (bool, error)) (made []triple, err error) {
	for len(made) < count {
		for _, c := range classes {
			for range min(c.weight, count-len(made)) {
				t := c.make(r)
				accepted, err := judge(t)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: key %x, signature %x, hash %x: %w", kind, c.name, t.key, t.sig, t.hash, err)
				}
				counts.add(kind+", "+c.name, accepted)
				if t.want == unknown && accepted {
					t.want = valid
				}
				made = append(made, t)
			}
		}
	}
	return made, nil
}

func (r *round) run(counts tally) error {
	ecdsa, schnorr := libraries()
	_, err := r.verify("ECDSA", ecdsaClasses, ecdsaPerRound, counts, func(t triple) (bool, error) {
		if validECDSA(t.key, t.sig, t.hash) {
			return t.judge(ecdsa)
		}
		if t.want == valid || VerifyECDSA(t.key, t.sig, t.hash) {
			return false, fmt.Errorf("not of the outer form")
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	made, err := r.verify("Schnorr", schnorrClasses, schnorrPerRound, counts, func(t triple) (bool, error) { return t.judge(schnorr) })
	if err != nil {
		return err
	}
	for range tweaksPerRound {
		if err := r.tweakOf().judge(counts); err != nil {
			return err
		}
	}
	return r.batches(made, counts)
}

// batches verifies valid signatures together, and then with one among them that is
// not.
func (r *round) batches(made []triple, counts tally) error {
	var sound, unsound []triple
	for _, t := range made {
		if t.want == valid {
			sound = append(sound, t)
		} else {
			unsound = append(unsound, t)
		}
	}
	start := r.IntN(len(sound) / 2)
	batch := slices.Clone(sound[start : start+1+r.IntN(len(sound)/2)])
	for _, bad := range []bool{false, true} {
		if bad {
			batch[r.IntN(len(batch))] = pick(r, unsound)
		}
		var b gnark.SchnorrBatch
		for _, t := range batch {
			b.Add(t.key, t.sig, t.hash)
		}
		accepted := b.Verify()
		if accepted == bad {
			return fmt.Errorf("batch of %d: %v, %x", len(batch), accepted, batch)
		}
		counts.add("batch", accepted)
	}
	return nil
}

func (t tweaking) judge(counts tally) error {
	said := map[string]bool{
		"gnark-crypto": gnark.VerifyTweak(t.output, t.internal, t.tweak, t.odd),
		"btcec":        twin.VerifyTweak(t.output, t.internal, t.tweak, t.odd),
	}
	if !AsksTwo {
		said[Library] = VerifyTweak(t.output, t.internal, t.tweak, t.odd)
	}
	accepted := said["btcec"]
	for _, says := range said {
		if says != accepted || t.want != unknown && says != (t.want == valid) {
			return fmt.Errorf("tweak %x of %x to %x, odd %v: %v", t.tweak, t.internal, t.output, t.odd, said)
		}
	}
	counts.add("tweak", accepted)
	return nil
}

// TestLibrariesAgree holds the libraries against each other with signatures that
// random ones never are: at the borders of numbers and of points. What the flags
// ask for may take hours; CONTRIBUTING.md tells how.
func TestLibrariesAgree(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	const perRound = ecdsaPerRound + schnorrPerRound
	rounds := (*howMany + perRound - 1) / perRound
	t.Logf("seed %d, %d signatures", *seed, rounds*perRound)
	begin := time.Now()
	var next, stop atomic.Int64
	var mu sync.Mutex
	all := tally{}
	var failed error
	work := func() {
		for {
			n := int(next.Add(1) - 1)
			if n >= rounds || stop.Load() != 0 {
				return
			}
			counts := tally{}
			err := newRound(*seed, uint64(n)).run(counts)
			mu.Lock()
			for class, c := range counts {
				all[class] = [2]int{all[class][0] + c[0], all[class][1] + c[1]}
			}
			if err != nil {
				failed = fmt.Errorf("round %d of seed %d: %w", n, *seed, err)
				stop.Store(1)
			}
			mu.Unlock()
			if (n+1)%200 == 0 {
				t.Logf("%d signatures, %s", (n+1)*perRound, time.Since(begin).Round(time.Second))
			}
		}
	}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(work)
	}
	workers.Wait()
	require.NoError(t, failed)
	for _, class := range slices.Sorted(maps.Keys(all)) {
		t.Logf("%s: %d refused, %d accepted", class, all[class][0], all[class][1])
	}
	t.Logf("%d signatures in %s", rounds*perRound, time.Since(begin).Round(time.Second))
}
