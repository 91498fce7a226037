package spend

import (
	"errors"
	"slices"
)

// ErrInsufficient is returned when the coins do not suffice.
var ErrInsufficient = errors.New("insufficient funds")

// ErrTooSmall is returned when the fee would eat up what is paid.
var ErrTooSmall = errors.New("the amount is too small to pay the fee")

// maxTries bounds the search for an exact match.
const maxTries = 100_000

// candidate is a coin with what it is worth after the fee for spending it.
type candidate struct {
	index     int
	effective int64
}

// choose picks coins whose effective values sum up to target or more. If a
// set exists whose excess is at most spare, what a change output would cost,
// it is taken and needs no change (branch and bound); otherwise the largest
// coins are taken, which keeps the transaction small.
func choose(values []int64, inputFee, target, spare int64) ([]int, error) {
	var candidates []candidate
	total := int64(0)
	for i, value := range values {
		if effective := value - inputFee; effective > 0 {
			candidates = append(candidates, candidate{i, effective})
			total += effective
		}
	}
	if total < target {
		return nil, ErrInsufficient
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		switch {
		case a.effective > b.effective:
			return -1
		case a.effective < b.effective:
			return 1
		}
		return 0
	})
	if exact := exactMatch(candidates, total, target, spare); exact != nil {
		return exact, nil
	}
	var chosen []int
	sum := int64(0)
	for _, c := range candidates {
		chosen = append(chosen, c.index)
		if sum += c.effective; sum >= target {
			break
		}
	}
	return chosen, nil
}

// exactMatch searches depth first, larger coins first, for the sum within
// [target, target+spare] that wastes least.
func exactMatch(candidates []candidate, remaining, target, spare int64) []int {
	var best, current []int
	bestSum := target + spare + 1
	tries := 0
	var search func(at int, sum, remaining int64)
	search = func(at int, sum, remaining int64) {
		tries++
		if tries > maxTries || sum > target+spare || sum+remaining < target || bestSum == target {
			return
		}
		if sum >= target {
			if sum < bestSum {
				bestSum = sum
				best = best[:0]
				for _, i := range current {
					best = append(best, candidates[i].index)
				}
			}
			return
		}
		if at == len(candidates) {
			return
		}
		rest := remaining - candidates[at].effective
		current = append(current, at)
		search(at+1, sum+candidates[at].effective, rest)
		current = current[:len(current)-1]
		search(at+1, sum, rest)
	}
	search(0, 0, remaining)
	return best
}
