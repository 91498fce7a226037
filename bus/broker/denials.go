package broker

import (
	"fmt"
	"sync"
	"time"
)

// A compartment in a stranger's hands must not fill the disk: beyond this
// many denials a minute only their number is logged.
const (
	deniedLines  = 60  // about one link
	deniedByRole = 600 // about all links of a role, which may come and go
	deniedWindow = time.Minute
)

// roleDenials bounds the log lines about the links of a role.
type roleDenials struct {
	mu     sync.Mutex
	began  int64 // of the window, nanoseconds since the Unix epoch
	lines  int
	silent int
}

// line reports whether a line is to be logged, and how many denials were not
// in the window before. many is how many denials the line tells of.
func (r *roleDenials) line(at int64, many int) (tell bool, before int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at-r.began > int64(deniedWindow) {
		before, r.silent = r.silent, 0
		r.began, r.lines = at, 0
	}
	r.lines++
	if r.lines > deniedByRole {
		r.silent += many
		return false, before
	}
	return true, before
}

// denials bounds the log lines about one link. It belongs to the goroutine
// that runs the link.
type denials struct {
	began  int64 // of the window, nanoseconds since the Unix epoch
	lines  int
	silent int
}

// line reports whether a denial is to be logged.
func (d *denials) line(p *attachment, at int64) bool {
	if at-d.began > int64(deniedWindow) {
		d.report(p)
		d.began, d.lines = at, 0
	}
	d.lines++
	if d.lines > deniedLines {
		d.silent++
		return false
	}
	return p.mayLog(at, 1)
}

// mayLog asks the links of this role for a line about so many denials.
func (p *attachment) mayLog(at int64, many int) bool {
	tell, before := p.broker.denied[p.id.Role].line(at, many)
	if before > 0 {
		p.broker.cfg.Logger.Warn(fmt.Sprintf("bus: links of role %s were denied %d more times", p.id.Role, before))
	}
	return tell
}

// report logs how many denials were not.
func (d *denials) report(p *attachment) {
	if d.silent > 0 && p.mayLog(now(), d.silent) {
		p.broker.cfg.Logger.Warn(fmt.Sprintf("bus: %s (role %s) was denied %d more times", p.id.Instance, p.id.Role, d.silent))
	}
	d.silent = 0
}

func (p *attachment) deny(what, name string) {
	p.denials.Add(1)
	if p.denied.line(p, p.batch) {
		p.broker.cfg.Logger.Warn(fmt.Sprintf("bus: %s (role %s) may not %s %.*q", p.id.Instance, p.id.Role, what, maxName, name))
	}
}
