package keypool

import (
	"errors"

	"github.com/bulkheadnode/bulkhead/wallet/keys"
)

// Lookahead is how many keys of each branch are watched, at the least, beyond
// the last one that was handed out or seen. When there are fewer, as many again
// are added, so that a wallet that is restored interrupts its scan once for
// every Lookahead keys.
const Lookahead = 200

// ErrRanOut is returned when the node has not been told of more keys yet.
var ErrRanOut = errors.New("keypool ran out")

// Account makes the scripts of keys.
type Account interface {
	Script(keys.Path) ([]byte, error)
}

// Pool is the scripts of one account.
type Pool struct {
	account Account
	paths   map[string]keys.Path // by script
	scripts [2][][]byte          // by branch and index
	next    [2]uint32            // to hand out
	told    [2]uint32            // how many of each branch the node has been told
}

// New makes the pool of a wallet that has handed out next keys of each branch.
func New(account Account, next [2]uint32) (*Pool, error) {
	p := &Pool{account: account, paths: map[string]keys.Path{}, next: next}
	if _, err := p.extend(); err != nil {
		return nil, err
	}
	// A wallet tells the node all of them before it follows the chain.
	p.told = [2]uint32{uint32(len(p.scripts[0])), uint32(len(p.scripts[1]))}
	return p, nil
}

// extend makes more scripts where fewer than Lookahead are left, and returns
// them.
func (p *Pool) extend() (fresh [][]byte, err error) {
	for branch := range p.scripts {
		if uint32(len(p.scripts[branch])) >= p.next[branch]+Lookahead {
			continue
		}
		for uint32(len(p.scripts[branch])) < p.next[branch]+2*Lookahead {
			path := keys.Path{Branch: keys.Branch(branch), Index: uint32(len(p.scripts[branch]))}
			script, err := p.account.Script(path)
			if err != nil {
				return nil, err
			}
			p.paths[string(script)] = path
			p.scripts[branch] = append(p.scripts[branch], script)
			fresh = append(fresh, script)
		}
	}
	return fresh, nil
}

// Owns reports whether a script is the wallet's, and of its change branch.
func (p *Pool) Owns(script []byte) (change, ok bool) {
	path, ok := p.paths[string(script)]
	return path.Branch == keys.Change, ok
}

// Path returns the key of a script.
func (p *Pool) Path(script []byte) (path keys.Path, ok bool) {
	path, ok = p.paths[string(script)]
	return path, ok
}

// All returns every script.
func (p *Pool) All() [][]byte {
	all := make([][]byte, 0, len(p.paths))
	for _, scripts := range p.scripts {
		all = append(all, scripts...)
	}
	return all
}

// Use notes that a script was seen, so that its key and those before it are
// not handed out. It returns the scripts that are to be watched from now on
// too, and reports whether the key was new.
func (p *Pool) Use(script []byte) (fresh [][]byte, used bool, err error) {
	path, ok := p.paths[string(script)]
	if !ok || path.Index < p.next[path.Branch] {
		return nil, false, nil
	}
	p.next[path.Branch] = path.Index + 1
	fresh, err = p.extend()
	return fresh, true, err
}

// Peek returns the next key of a branch; ErrRanOut if the node has not been
// told of it.
func (p *Pool) Peek(branch keys.Branch) (keys.Path, error) {
	path := keys.Path{Branch: branch, Index: p.next[branch]}
	if path.Index >= p.told[branch] {
		return path, ErrRanOut
	}
	return path, nil
}

// Script returns the script of a key that the pool knows.
func (p *Pool) Script(path keys.Path) []byte { return p.scripts[path.Branch][path.Index] }

// Told notes that the node has been told scripts.
func (p *Pool) Told(scripts [][]byte) {
	for _, script := range scripts {
		if path, ok := p.paths[string(script)]; ok {
			p.told[path.Branch] = max(p.told[path.Branch], path.Index+1)
		}
	}
}

// Next is how many keys of each branch were handed out or seen.
func (p *Pool) Next() [2]uint32 { return p.next }

// Left is how many keys of a branch can be handed out now.
func (p *Pool) Left(branch keys.Branch) uint32 {
	return p.told[branch] - min(p.next[branch], p.told[branch])
}
