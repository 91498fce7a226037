package gateway

import "github.com/prometheus/client_golang/prometheus"

// histogram is the kind of families that are no single figures.
const histogram prometheus.ValueType = -1

// family is all samples of one metric.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	samples    []sample
}

// sample is one figure, or a histogram with its sum.
type sample struct {
	values []string // of the labels
	figure float64
	counts []uint64 // of a histogram: below each bound and not below the last
	bounds []float64
}

func (f *family) set(figure float64, values ...string) {
	f.samples = append(f.samples, sample{values: values, figure: figure})
}

// observe adds a histogram: counts has one element more than bounds.
func (f *family) observe(sum float64, bounds []float64, counts []uint64, values ...string) {
	f.samples = append(f.samples, sample{values: values, figure: sum, bounds: bounds, counts: counts})
}

// catalogue is every metric that a scrape may show, in its order.
type catalogue struct {
	all []*family

	resident, restarts, start                                *family
	queueMessages, queueBytes, messages, bytes               *family
	made, served, waiting, drops, denials, refusals, silence *family
	callDuration, callErrors                                 *family
	height, headers, download                                *family
	poolTxs, poolVBytes, poolUsage                           *family
	connections                                              *family
	scrapeError                                              *family
}

func newCatalogue() *catalogue {
	c := &catalogue{}
	c.compartments()
	c.links()
	c.methods()
	c.chain()
	c.scrapeError = c.gauge("bulkhead_scrape_error", "1 if a part of this scrape did not answer in time, so that its metrics are missing", "part")
	return c
}

func (c *catalogue) compartments() {
	c.resident = c.gauge("bulkhead_compartment_resident_bytes", "Memory of the compartment's process", "instance", "role")
	c.restarts = c.counter("bulkhead_compartment_restarts_total", "How often the compartment was started again", "instance", "role")
	c.start = c.gauge("bulkhead_compartment_start_time_seconds", "Unix time of the compartment's last start", "instance", "role")
}

func (c *catalogue) links() {
	c.queueMessages = c.gauge("bulkhead_link_queue_messages", "Messages that wait to be written to the link", "instance", "role")
	c.queueBytes = c.gauge("bulkhead_link_queue_bytes", "Bytes that wait to be written to the link", "instance", "role")
	c.messages = c.counter("bulkhead_link_messages_total", "Messages over the link, as its compartment sees it: in or out", "instance", "role", "direction")
	c.bytes = c.counter("bulkhead_link_bytes_total", "Bytes over the link, as its compartment sees it: in or out", "instance", "role", "direction")
	c.made = c.counter("bulkhead_link_calls_made_total", "Calls that the link made", "instance", "role")
	c.served = c.counter("bulkhead_link_calls_served_total", "Calls that were routed to the link", "instance", "role")
	c.waiting = c.gauge("bulkhead_link_calls_waiting", "Calls routed to the link that it has not answered yet", "instance", "role")
	c.drops = c.counter("bulkhead_link_drops_total", "Events lost and calls refused because the link's queue was full", "instance", "role")
	c.denials = c.counter("bulkhead_link_denials_total", "What the link asked for and had no right to", "instance", "role")
	c.refusals = c.counter("bulkhead_link_refusals_total", "What the link sent beyond the rates of its role", "instance", "role")
	c.silence = c.gauge("bulkhead_link_silent_seconds", "Time since the link last sent anything", "instance", "role")
}

func (c *catalogue) methods() {
	c.callDuration = c.family(histogram, "bulkhead_bus_call_duration_seconds", "Time from a call's arrival at the broker to its answer's", "method")
	c.callErrors = c.counter("bulkhead_bus_call_errors_total", "Calls that ended with an error", "method")
}

func (c *catalogue) chain() {
	c.height = c.gauge("bulkhead_chain_height", "Height of the best chain")
	c.headers = c.gauge("bulkhead_chain_headers", "Height of the best header chain")
	c.download = c.gauge("bulkhead_chain_initial_download", "1 during initial block download")
	c.poolTxs = c.gauge("bulkhead_mempool_transactions", "Transactions in the mempool")
	c.poolVBytes = c.gauge("bulkhead_mempool_size_vbytes", "Virtual size (BIP141) of the transactions in the mempool")
	c.poolUsage = c.gauge("bulkhead_mempool_usage_bytes", "Memory that the mempool takes")
	c.connections = c.gauge("bulkhead_peer_connections", "Connections to peers: in or out", "direction")
}

func (c *catalogue) gauge(name, help string, labels ...string) *family {
	return c.family(prometheus.GaugeValue, name, help, labels...)
}

func (c *catalogue) counter(name, help string, labels ...string) *family {
	return c.family(prometheus.CounterValue, name, help, labels...)
}

func (c *catalogue) family(kind prometheus.ValueType, name, help string, labels ...string) *family {
	f := &family{name: name, kind: kind, help: help, labels: labels}
	c.all = append(c.all, f)
	return f
}
