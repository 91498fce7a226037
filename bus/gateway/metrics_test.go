package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// harbour is a gateway that serves metrics only, on a bus of fake parts.
type harbour struct {
	t    *testing.T
	bus  *bustest.Bus
	url  string
	node *bus.Conn
}

func newHarbour(t *testing.T) *harbour {
	h := &harbour{t: t, bus: bustest.New(t)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h.url = "http://" + listener.Addr().String()
	env := part.Env{
		Name: "gateway", Link: h.bus.Link(roles.Gateway, "gateway"), Listeners: []net.Listener{listener},
		Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, env, Config{Metrics: 1}) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return h
}

// answers is a command that answers a JSON text.
func answers(name, result string) rpc.Command {
	return rpc.Command{Name: name, Run: func(context.Context, *rpc.Call) (any, error) {
		return rawJSON(result), nil
	}}
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// startParts attaches the parts that a scrape asks, but for who serves
// getnetworkinfo.
func (h *harbour) startParts() {
	mux := bus.NewMux()
	require.NoError(h.t, rpc.Table{
		answers("getblockchaininfo", `{"blocks": 812345, "headers": 812346, "initialblockdownload": true}`),
		answers("getmempoolinfo", `{"size": 3, "bytes": 450, "usage": 9000}`),
	}.Announce(mux))
	msg.GetTip.Handle(mux, func(context.Context, bus.None) (p2p.Tip, error) {
		return p2p.Tip{}, bus.Errorf("node.fog", "nothing to be seen")
	})
	h.node, _ = h.bus.Conn(roles.Node, "node", mux)
	mux = bus.NewMux()
	msg.Compartments.Handle(mux, func(context.Context, bus.None) (msg.CompartmentsReply, error) {
		return msg.CompartmentsReply{Compartments: []msg.Compartment{
			{Instance: "node", Role: "node", PID: 7, Started: 1700000000, Restarts: 2, Resident: 1 << 20},
		}}, nil
	})
	h.bus.Conn(roles.Supervisor, "supervisor", mux)
}

func (h *harbour) startPeers(run rpc.Command) {
	mux := bus.NewMux()
	require.NoError(h.t, rpc.Table{run}.Announce(mux))
	h.bus.Conn(roles.Peers, "peers", mux)
}

func (h *harbour) do(method, path string) (*http.Response, string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, nil)
	require.NoError(h.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	return resp, string(body)
}

func (h *harbour) scrape() *scraped {
	h.t.Helper()
	resp, body := h.do(http.MethodGet, "/metrics")
	require.Equal(h.t, 200, resp.StatusCode, body)
	require.Equal(h.t, "text/plain; version=0.0.4; charset=utf-8", resp.Header.Get("Content-Type"))
	return parseText(h.t, body)
}

func TestAScrapeShowsWhatThePartsTell(t *testing.T) {
	h := newHarbour(t)
	h.startParts()
	h.startPeers(answers("getnetworkinfo", `{"connections_in": 5, "connections_out": 8}`))
	odd := "odd\"one\\\n"
	asker, _ := h.bus.Conn(roles.Client, odd, nil)
	for range 2 {
		_, err := msg.GetTip.Call(t.Context(), asker, bus.None{})
		require.ErrorIs(t, err, &bus.Error{Kind: "node.fog"})
	}
	const published = 50
	for range published {
		require.NoError(t, msg.TipChanged.Publish(t.Context(), h.node, p2p.TipChangedEvent{}))
	}
	_, err := msg.Registry.Call(t.Context(), h.node, bus.None{})
	require.NoError(t, err)

	s := h.scrape()
	for series, want := range map[string]float64{
		`bulkhead_chain_height`:                                                    812345,
		`bulkhead_chain_headers`:                                                   812346,
		`bulkhead_chain_initial_download`:                                          1,
		`bulkhead_mempool_transactions`:                                            3,
		`bulkhead_mempool_size_vbytes`:                                             450,
		`bulkhead_mempool_usage_bytes`:                                             9000,
		`bulkhead_peer_connections direction=in`:                                   5,
		`bulkhead_peer_connections direction=out`:                                  8,
		`bulkhead_scrape_error part=bus`:                                           0,
		`bulkhead_scrape_error part=compartments`:                                  0,
		`bulkhead_scrape_error part=blockchain`:                                    0,
		`bulkhead_scrape_error part=mempool`:                                       0,
		`bulkhead_scrape_error part=network`:                                       0,
		`bulkhead_compartment_resident_bytes instance=node role=node`:              1 << 20,
		`bulkhead_compartment_restarts_total instance=node role=node`:              2,
		`bulkhead_compartment_start_time_seconds instance=node role=node`:          1700000000,
		`bulkhead_link_calls_made_total instance=odd"one\` + "\n role=client":      2,
		`bulkhead_bus_call_errors_total method=node.chain.tip`:                     2,
		`bulkhead_bus_call_duration_seconds_count method=node.chain.tip`:           2,
		`bulkhead_bus_call_duration_seconds_bucket method=node.chain.tip le=+Inf`:  2,
		`bulkhead_bus_call_duration_seconds_bucket method=node.chain.tip le=1e-06`: 0,
	} {
		require.Equal(t, want, s.of(series), series)
	}
	require.GreaterOrEqual(t, s.of(`bulkhead_link_messages_total direction=out instance=node role=node`), float64(published))
	require.Less(t, s.of(`bulkhead_link_messages_total direction=in instance=node role=node`), float64(published))

	var all []string
	for _, f := range newCatalogue().all {
		all = append(all, f.name)
	}
	require.ElementsMatch(t, all, s.families, "a scrape without errors shows every metric")
}

func TestAPartThatHangsIsLeftOut(t *testing.T) {
	h := newHarbour(t)
	h.startParts()
	h.startPeers(rpc.Command{Name: "getnetworkinfo", Run: func(ctx context.Context, _ *rpc.Call) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	s := h.scrape()
	require.Equal(t, 1.0, s.of("bulkhead_scrape_error part=network"))
	require.NotContains(t, s.families, "bulkhead_peer_connections")
	require.Equal(t, 0.0, s.of("bulkhead_scrape_error part=blockchain"))
	require.Equal(t, 812345.0, s.of("bulkhead_chain_height"))
}

func TestPartsThatAreNotThereAreLeftOut(t *testing.T) {
	h := newHarbour(t)
	s := h.scrape()
	for part, failed := range map[string]float64{"bus": 0, "compartments": 1, "blockchain": 1, "mempool": 1, "network": 1} {
		require.Equal(t, failed, s.of("bulkhead_scrape_error part="+part), part)
	}
	require.NotContains(t, s.families, "bulkhead_chain_height")
}

func TestAnAnswerWithoutTheFigureIsAnError(t *testing.T) {
	h := newHarbour(t)
	h.startParts()
	for i, tc := range []string{`{"connections_in": 5}`, `{}`, `null`, `[]`, `{"connections_in": "5", "connections_out": 1}`} {
		mux := bus.NewMux()
		require.NoError(t, rpc.Table{answers("getnetworkinfo", tc)}.Announce(mux))
		_, stop := h.bus.Conn(roles.Peers, fmt.Sprintf("peers.%d", i), mux)
		s := h.scrape()
		require.Equal(t, 1.0, s.of("bulkhead_scrape_error part=network"), tc)
		require.NotContains(t, s.families, "bulkhead_peer_connections")
		stop()
	}
	h.startPeers(rpc.Command{Name: "getnetworkinfo", Run: func(context.Context, *rpc.Call) (any, error) {
		return nil, rpc.Errorf(rpc.MiscError, "not now")
	}})
	require.Equal(t, 1.0, h.scrape().of("bulkhead_scrape_error part=network"))
}

func TestScrapesAreBounded(t *testing.T) {
	h := newHarbour(t)
	h.startParts()
	held, hold := make(chan struct{}, maxScrapes), make(chan struct{})
	h.startPeers(rpc.Command{Name: "getnetworkinfo", Run: func(ctx context.Context, _ *rpc.Call) (any, error) {
		held <- struct{}{}
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return rawJSON(`{"connections_in": 1, "connections_out": 1}`), nil
	}})
	answered := make(chan int, maxScrapes)
	for range maxScrapes {
		go func() {
			resp, err := http.Get(h.url + "/metrics")
			if err != nil {
				answered <- 0
				return
			}
			resp.Body.Close()
			answered <- resp.StatusCode
		}()
	}
	for range maxScrapes {
		<-held
	}
	resp, _ := h.do(http.MethodGet, "/metrics")
	require.Equal(t, 503, resp.StatusCode)
	close(hold)
	for range maxScrapes {
		require.Equal(t, 200, <-answered)
	}
	require.Equal(t, 1.0, h.scrape().of("bulkhead_peer_connections direction=in"))
}

func TestMetricsAreOnlyRead(t *testing.T) {
	h := newHarbour(t)
	for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodPut} {
		resp, _ := h.do(method, "/metrics")
		require.Equal(t, 405, resp.StatusCode, method)
		require.Equal(t, "GET", resp.Header.Get("Allow"))
	}
	for _, path := range []string{"/", "/wallet/x", "/metrics/", "/debug/pprof/"} {
		resp, _ := h.do(http.MethodGet, path)
		require.Equal(t, 404, resp.StatusCode, path)
	}
	req, err := http.NewRequest(http.MethodGet, h.url+"/metrics", nil)
	require.NoError(t, err)
	req.Header.Set("X-Ballast", strings.Repeat("x", 64<<10))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, 431, resp.StatusCode)
}

func TestTheLastListenersServeMetrics(t *testing.T) {
	f := newFixtureWith(t, Config{Metrics: 1}, 2)
	f.startNode()
	resp, err := http.Get(f.metrics + "/metrics")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 200, resp.StatusCode)
	resp, err = http.Get(f.url + "/metrics")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 404, resp.StatusCode, "JSON-RPC's listener serves no metrics")
}

// TestEveryFigureOfALinkHasItsPlace gives each figure another value; in is what
// the broker sent.
func TestEveryFigureOfALinkHasItsPlace(t *testing.T) {
	c := newCatalogue()
	c.enterLink(msg.LinkStats{
		Instance: "worker.1", Role: "worker", MessagesIn: 1, MessagesOut: 2, BytesIn: 3, BytesOut: 4,
		QueueMessages: 5, QueueBytes: 6, SilentMillis: 7500, Calls: 8, Served: 9, Waiting: 10, Drops: 11, Denials: 12, Refusals: 13,
	})
	text, err := c.text()
	require.NoError(t, err)
	s := parseText(t, string(text))
	const who = " instance=worker.1 role=worker"
	want := map[string]float64{
		"bulkhead_link_messages_total direction=out" + who: 1,
		"bulkhead_link_messages_total direction=in" + who:  2,
		"bulkhead_link_bytes_total direction=out" + who:    3,
		"bulkhead_link_bytes_total direction=in" + who:     4,
		"bulkhead_link_queue_messages" + who:               5,
		"bulkhead_link_queue_bytes" + who:                  6,
		"bulkhead_link_silent_seconds" + who:               7.5,
		"bulkhead_link_calls_made_total" + who:             8,
		"bulkhead_link_calls_served_total" + who:           9,
		"bulkhead_link_calls_waiting" + who:                10,
		"bulkhead_link_drops_total" + who:                  11,
		"bulkhead_link_denials_total" + who:                12,
		"bulkhead_link_refusals_total" + who:               13,
	}
	require.Equal(t, want, s.figures)
}

func TestBucketsAreCumulativeSeconds(t *testing.T) {
	c := newCatalogue()
	buckets := make([]uint64, msg.LatencyBuckets)
	buckets[0], buckets[10], buckets[msg.LatencyBuckets-1] = 1, 2, 4
	c.enterMethod(msg.MethodStats{Method: "m", Calls: 7, Errors: 3, Micros: 2_500_000, Latency: buckets})
	text, err := c.text()
	require.NoError(t, err)
	s := parseText(t, string(text))
	const name = "bulkhead_bus_call_duration_seconds"
	for series, want := range map[string]float64{
		name + "_bucket method=m le=1e-06":        1,
		name + "_bucket method=m le=0.000512":     1,
		name + "_bucket method=m le=0.001024":     3,
		name + "_bucket method=m le=67.108864":    3,
		name + "_bucket method=m le=+Inf":         7,
		name + "_count method=m":                  7,
		name + "_sum method=m":                    2.5,
		"bulkhead_bus_call_errors_total method=m": 3,
	} {
		require.Equal(t, want, s.of(series), series)
	}
}

func TestANameOfOthersCannotBreakTheText(t *testing.T) {
	c := newCatalogue()
	c.connections.set(1, "a\\b\"c\n\xff")
	text, err := c.text()
	require.NoError(t, err)
	require.Contains(t, string(text), `direction="a\\b\"c\n`+"\uFFFD"+`"} 1`)
}
