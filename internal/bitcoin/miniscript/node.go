package miniscript

import (
	"fmt"
	"strings"
)

// node is an expression.
type node struct {
	name  string // of a wrapper, its letter
	args  string // between the parentheses, but for subs
	subs  []*node
	types types
	costs costs
}

func (n *node) wrapper() bool { return len(n.name) == 1 && n.name[0] >= 'a' && len(n.subs) == 1 }

func leaf(name, args string, t types, c costs) *node {
	return &node{name: name, args: args, types: t, costs: c}
}

// checked returns an expression that has a type, or nil.
func checked(n *node) *node {
	if n.types&base == 0 {
		return nil
	}
	return n
}

// wrap and pair return nil if the result has no type, or there is nothing to be wrapped.
func wrap(letter byte, x *node) *node {
	if x == nil {
		return nil
	}
	return checked(&node{name: string(letter), subs: []*node{x}, types: wrapperType(letter, x.types), costs: wrapperCost(letter, x.costs)})
}

func pair(name string, x, y *node) *node {
	if x == nil || y == nil {
		return nil
	}
	return checked(&node{name: name, subs: []*node{x, y}, types: pairType(name, x.types, y.types), costs: pairCosts(name, x.costs, y.costs)})
}

func andor(x, y, z *node) *node {
	if x == nil || y == nil || z == nil {
		return nil
	}
	return checked(&node{
		name: "andor", subs: []*node{x, y, z}, types: andorType(x.types, y.types, z.types),
		costs: costs{andorCost(x.costs.checks, y.costs.checks, z.costs.checks), andorCost(x.costs.elements, y.costs.elements, z.costs.elements)},
	})
}

// prefix returns the letter of a wrapper, or of what is written as one, and what it
// wraps.
func (n *node) prefix() (letter string, inner *node) {
	switch {
	case n.wrapper():
		return n.name, n.subs[0]
	case n.name == "and_v" && n.subs[1].name == "1":
		return "t", n.subs[0]
	case n.name == "or_i" && n.subs[0].name == "0":
		return "l", n.subs[1]
	case n.name == "or_i" && n.subs[1].name == "0":
		return "u", n.subs[0]
	}
	return "", nil
}

// write writes an expression out. Behind letters of wrappers stands a colon.
func (n *node) write(b *strings.Builder, wrapped bool) {
	letter, inner := n.prefix()
	if sole := letter == "c" && inner.name == "pk_k"; inner != nil && !sole {
		b.WriteString(letter)
		inner.write(b, true)
		return
	}
	if wrapped {
		b.WriteByte(':')
	}
	switch {
	case inner != nil:
		fmt.Fprintf(b, "pk(%s)", inner.args)
		return
	case len(n.subs) == 0 && n.args == "": // 0 and 1
		b.WriteString(n.name)
		return
	}
	name, subs := n.name, n.subs
	if name == "andor" && subs[2].name == "0" {
		name, subs = "and_n", subs[:2]
	}
	b.WriteString(name + "(" + n.args)
	for i, sub := range subs {
		if i > 0 || n.args != "" {
			b.WriteByte(',')
		}
		sub.write(b, false)
	}
	b.WriteByte(')')
}
