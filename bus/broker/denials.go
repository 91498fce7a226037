package broker

import (
	"fmt"
	"time"
)

// A compartment in a stranger's hands must not fill the disk: beyond this
// many denials a minute only their number is logged.
const (
	deniedLines  = 60
	deniedWindow = time.Minute
)

// denials bounds the log lines about one link. It belongs to the goroutine
// that runs the link.
type denials struct {
	began  int64 // of the window, nanoseconds since the Unix epoch
	lines  int
	silent int
}

// line reports whether a denial is to be logged.
func (d *denials) line(p *port, at int64) bool {
	if at-d.began > int64(deniedWindow) {
		d.report(p)
		d.began, d.lines = at, 0
	}
	d.lines++
	if d.lines > deniedLines {
		d.silent++
		return false
	}
	return true
}

// report logs how many denials were not.
func (d *denials) report(p *port) {
	if d.silent > 0 {
		p.broker.cfg.Logger.Warn(fmt.Sprintf("bus: %s (role %s) was denied %d more times", p.id.Instance, p.id.Role, d.silent))
		d.silent = 0
	}
}

func (p *port) deny(what, name string) {
	p.denials.Add(1)
	if p.denied.line(p, p.batch) {
		p.broker.cfg.Logger.Warn(fmt.Sprintf("bus: %s (role %s) may not %s %.*q", p.id.Instance, p.id.Role, what, maxName, name))
	}
}
