package endpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/secure"
)

// Roles are those that may come from outside.
func Roles() []rights.Role {
	return []rights.Role{roles.Worker, roles.Wallet, roles.Notify, roles.Gateway, roles.Client}
}

// Outside reports whether a role may come from outside.
func Outside(role rights.Role) bool { return slices.Contains(Roles(), role) }

// maxName bounds the part of an instance's name that the peer chooses.
const maxName = 64

// ValidName reports whether a name may be part of an instance's: 1 to 64
// letters, digits, "-" and "_".
func ValidName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for _, c := range []byte(name) {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// Instance is what a link of a role and a name is called on the bus. A wallet's ends with a dot, as that of
// one on this machine does: what it may hear begins with its name, which must
// not be the beginning of another's.
func Instance(role rights.Role, name string) string {
	if role == roles.Wallet {
		name += "."
	}
	return string(role) + "." + name
}

// far is one authenticated link.
type far struct {
	id     broker.Identity
	key    secure.PublicKey
	ctx    context.Context
	cancel context.CancelCauseFunc
	gone   chan struct{} // closed when the broker has forgotten it
}

func (f *far) end(why error) { f.cancel(why) }

// why is the reason for the end of a link on which Serve returned err.
func (f *far) why(err error) error {
	switch {
	case f.ctx.Err() != nil:
		return context.Cause(f.ctx)
	case err == nil:
		return errors.New("the peer closed it")
	}
	return err
}

// links are those that are being served, by instance.
type links struct {
	limit int
	mu    sync.Mutex
	open  map[string]*far
	next  int // of those without a name
}

func newLinks(limit int) *links { return &links{limit: limit, open: map[string]*far{}} }

// admit enters an authenticated connection under its instance. A link with
// the same name and key is replaced.
func (e *Endpoint) admit(ctx context.Context, conn *secure.Conn, role rights.Role, remote string) (*far, error) {
	name, key := conn.PeerIdentity(), conn.Peer()
	if !ValidName(name) || role == roles.Worker && isNumber(name) {
		name = ""
	}
	owner, known := e.cfg.Keys.Owner(role, name)
	switch {
	case known && owner != key:
		return nil, fmt.Errorf("the name %s belongs to the key %s", Instance(role, name), owner)
	case !known && role == roles.Wallet:
		// It could be that of a wallet on this machine, and hear what is meant for it.
		return nil, fmt.Errorf("a wallet may attach only under the name that its key was made for")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	f := &far{key: key, ctx: ctx, cancel: cancel, gone: make(chan struct{})}
	for {
		old, err := e.links.enter(f, role, name)
		if err != nil {
			cancel(err)
			return nil, err
		}
		if old == nil {
			return f, nil
		}
		old.end(fmt.Errorf("replaced by a new link from %s", remote))
		select {
		case <-old.gone:
		case <-ctx.Done():
			cancel(nil)
			return nil, context.Cause(ctx)
		}
	}
}

// enter notes f, or returns the link that has to make room first.
func (l *links) enter(f *far, role rights.Role, name string) (old *far, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	instance := Instance(role, name)
	if name == "" {
		instance = l.unnamed(role)
	}
	old = l.open[instance]
	switch {
	case old != nil && old.key != f.key:
		return nil, fmt.Errorf("%s is attached with another key", instance)
	case old != nil:
		return old, nil
	case len(l.open) >= l.limit:
		return nil, fmt.Errorf("there are %d links", l.limit)
	}
	f.id = broker.Identity{Role: role, Instance: instance}
	l.open[instance] = f
	return nil, nil
}

// isNumber reports whether a name is one that a worker on this machine has.
func isNumber(name string) bool { return strings.Trim(name, "0123456789") == "" }

// unnamed numbers a link.
func (l *links) unnamed(role rights.Role) string {
	for {
		l.next++
		instance := Instance(role, fmt.Sprintf("far%d", l.next))
		if l.open[instance] == nil {
			return instance
		}
	}
}

func (l *links) remove(f *far) {
	f.cancel(nil)
	l.mu.Lock()
	delete(l.open, f.id.Instance)
	l.mu.Unlock()
	close(f.gone)
}

func (l *links) all() []*far {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*far, 0, len(l.open))
	for _, f := range l.open {
		list = append(list, f)
	}
	return list
}
