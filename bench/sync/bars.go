package main

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/bench/internal/report"
)

// bar is a figure that has to be reached.
type bar struct {
	text   string
	value  float64
	most   float64
	unit   string
	absent bool // a side was not measured
}

// bars lists those whose sides were both measured.
func (r results) bars() string {
	var list []report.Bar
	for _, bar := range r.allBars() {
		if bar.absent {
			continue
		}
		list = append(list, report.Bar{
			Text:     fmt.Sprintf("%s: at most %g%s", bar.text, bar.most, bar.unit),
			Measured: fmt.Sprintf("%.2f%s", bar.value, bar.unit), Reached: bar.value <= bar.most,
		})
	}
	return report.Bars(list)
}

func (r results) allBars() []bar {
	library, inGo := system{build: withLibrary}, system{build: pureGo}
	assumed := system{build: withLibrary, assumed: true}
	list := []bar{
		r.compare("all scripts, libsecp256k1, to bitcoind", library, system{build: bitcoind}, 1),
		r.compare("all scripts, pure Go, to btcd", inGo, system{build: btcd}, 0.5),
		r.compare("assumevalid, libsecp256k1, to bitcoind", assumed, system{build: bitcoind, assumed: true}, 1),
	}
	for _, s := range r.shown {
		if !s.bulkhead() {
			continue
		}
		if !s.single {
			alone := s
			alone.single = true
			list = append(list, r.compare(s.name()+" to -multiprocess=0", s, alone, 1.1))
		}
		if s.assumed {
			continue
		}
		list = append(list,
			bar{text: s.name() + ", getblockchaininfo p99", value: r.median(s, quantile(0.99)), most: 10, unit: " ms"},
			bar{text: s.name() + ", getblockchaininfo max", value: r.worst(s, quantile(1)), most: 50, unit: " ms"},
			// 1.3 times -dbcache=450, in MiB, and 300 MB.
			bar{text: s.name() + ", peak RSS of the node", value: r.worst(s, nodeMB), most: 913, unit: " MB"},
		)
	}
	return list
}

func (r results) compare(text string, s, other system, most float64) bar {
	base, own := r.median(other, seconds), r.median(s, seconds)
	b := bar{text: text, most: most, unit: "x", absent: base == 0 || own == 0}
	if !b.absent {
		b.value = own / base
	}
	return b
}
