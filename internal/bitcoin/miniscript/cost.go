package miniscript

// never is the cost of what cannot be done.
const never = -1

// cost is how much of something a satisfaction takes at most, and a dissatisfaction.
type cost struct{ sat, dissat int }

// costs are of the checks of signatures that a script may run, which count as opcodes,
// and of elements of the witness.
type costs struct{ checks, elements cost }

func sum(a, b int) int {
	if a == never || b == never {
		return never
	}
	return a + b
}

func wrapperCost(wrapper byte, x costs) costs {
	switch wrapper {
	case 'v':
		x.checks.dissat, x.elements.dissat = never, never
	case 'd':
		x.checks.dissat, x.elements = 0, cost{sum(x.elements.sat, 1), 1}
	case 'j':
		x.checks.dissat, x.elements.dissat = 0, 1
	}
	return x
}

func pairCosts(name string, x, y costs) costs {
	c := costs{pairCost(name, x.checks, y.checks), pairCost(name, x.elements, y.elements)}
	if name == "or_i" { // an element chooses
		c.elements = cost{sum(c.elements.sat, 1), sum(c.elements.dissat, 1)}
	}
	return c
}

func pairCost(name string, x, y cost) cost {
	switch name {
	case "and_v":
		return cost{sum(x.sat, y.sat), never}
	case "and_b":
		return cost{sum(x.sat, y.sat), sum(x.dissat, y.dissat)}
	case "or_b":
		return cost{max(sum(x.sat, y.dissat), sum(x.dissat, y.sat)), sum(x.dissat, y.dissat)}
	case "or_d":
		return cost{max(x.sat, sum(x.dissat, y.sat)), sum(x.dissat, y.dissat)}
	case "or_c":
		return cost{max(x.sat, sum(x.dissat, y.sat)), never}
	}
	return cost{max(x.sat, y.sat), max(x.dissat, y.dissat)}
}

func andorCost(x, y, z cost) cost {
	return cost{max(sum(x.sat, y.sat), sum(x.dissat, z.sat)), sum(x.dissat, z.dissat)}
}

// threshCost tries which of the expressions are satisfied.
func threshCost(needed int, subs []cost) cost {
	best := []int{0} // for each number of those that are
	for _, sub := range subs {
		next := []int{sum(best[0], sub.dissat)}
		for i := 1; i < len(best); i++ {
			next = append(next, max(sum(best[i], sub.dissat), sum(best[i-1], sub.sat)))
		}
		best = append(next, sum(best[len(best)-1], sub.sat))
	}
	return cost{best[needed], best[0]}
}
