package node

import "github.com/bulkheadnode/bulkhead/node/chain"

// connectedBefore returns the blocks above the coins that an earlier process
// had connected, and told of, before it died: they are connected again, but
// they are no news.
func connectedBefore(e *chain.Engine) map[*chain.Node]struct{} {
	tip := e.View().Tip()
	var above []*chain.Node
	e.Each(func(n *chain.Node) {
		if n.Height > tip.Height {
			above = append(above, n)
		}
	})
	before := map[*chain.Node]struct{}{}
	for _, n := range above {
		if e.Info(n).HaveUndo {
			before[n] = struct{}{}
		}
	}
	return before
}

// oldNews reports, once for each block, whether its connection was told of by
// an earlier process.
func (n *node) oldNews(at *chain.Node) bool {
	_, old := n.resumed[at]
	delete(n.resumed, at)
	return old
}
