package main

import "github.com/bulkheadnode/bulkhead/bench/internal/report"

// figure is one line of the table.
type figure struct {
	Row  int
	Name string
	Unit string
}

// The figures, in the order of the table.
var (
	tripMedian  = figure{1, "round trip, 1 in flight, median", "us"}
	tripP99     = figure{1, "round trip, 1 in flight, p99", "us"}
	callsRate   = figure{2, "calls per second, 64 in flight", "/s"}
	callsP99    = figure{2, "time of a call, 64 in flight, p99", "us"}
	eventsRate  = figure{3, "events per second to each of 10 subscribers", "/s"}
	eventsLost  = figure{3, "events lost, of all subscribers", ""}
	largeRate   = figure{4, "1 MiB attachments, 8 in flight, both ways", "MB/s"}
	brokerCPU   = figure{5, "broker CPU per call, 64 in flight", "us"}
	brokerAlloc = figure{5, "broker allocations per routed message", ""}
	linkRSS     = figure{6, "broker memory per idle link, resident", "KiB"}
	linkHeap    = figure{6, "broker memory per idle link, heap and stacks", "KiB"}
	fanOut      = figure{6, "one event to all links, median of 50", "ms"}
	quietP99    = figure{7, "64 callers undisturbed, p99", "us"}
	floodP99    = figure{7, "64 callers, events flooding a subscriber that reads, p99", "us"}
	stalledP99  = figure{7, "64 callers, events flooding a stopped subscriber, p99", "us"}
	stallQuiet  = figure{7, "p99 stopped / undisturbed", "x"}
	stallFlood  = figure{7, "p99 stopped / reading", "x"}
	stallSent   = figure{7, "events in the flood of the stopped subscriber", ""}
	stallLost   = figure{7, "events that the stopped subscriber was told it lost", ""}
	readingPeak = figure{7, "broker resident at most while the subscriber reads", "MiB"}
	stallPeak   = figure{7, "broker resident at most while it is stopped", "MiB"}
	stallBound  = figure{7, "configured bound of the stalled queue", "MiB"}
	stallGrowth = figure{7, "growth by the stall / configured bound", "x"}
	innerTrip   = figure{8, "multiprocess / in-process, round trip median", "x"}
	innerCalls  = figure{8, "multiprocess / in-process, calls per second", "x"}
)

func figures() []figure {
	return []figure{
		tripMedian, tripP99, callsRate, callsP99, eventsRate, eventsLost, largeRate, brokerCPU, brokerAlloc,
		linkRSS, linkHeap, fanOut, quietP99, floodP99, stalledP99, stallQuiet, stallFlood, stallSent, stallLost,
		readingPeak, stallPeak, stallBound, stallGrowth, innerTrip, innerCalls,
	}
}

// results holds the values of all rounds.
type results map[figure]map[string][]float64 // by system

func (r results) add(f figure, system string, value float64) {
	if r[f] == nil {
		r[f] = map[string][]float64{}
	}
	r[f][system] = append(r[f][system], value)
}

// of is false if the figure was not measured for the system.
func (r results) of(f figure, system string) (report.Spread, bool) {
	return report.SpreadOf(r[f][system])
}
