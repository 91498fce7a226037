package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
)

// maxHeader is how many bytes the head of a scrape may have.
const maxHeader = 8192

// maxScrapes is how many scrapes are served at a time: each asks several
// parts. A scrape beyond them is answered with an error.
const maxScrapes = 4

// metrics answers GET /metrics. There is no password: where it listens is who
// may read.
type metrics struct {
	conn    *bus.Conn
	log     *slog.Logger
	scrapes chan struct{} // one element a scrape that is served
}

func newMetrics(conn *bus.Conn, log *slog.Logger) *metrics {
	return &metrics{conn: conn, log: log, scrapes: make(chan struct{}, maxScrapes)}
}

// ServeHTTP answers one scrape with what the parts tell at that moment.
func (m *metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/metrics":
		plain(w, http.StatusNotFound, "Metrics are at /metrics\n")
		return
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		plain(w, http.StatusMethodNotAllowed, "Metrics are read with GET\n")
		return
	}
	select {
	case m.scrapes <- struct{}{}:
		defer func() { <-m.scrapes }()
	default:
		plain(w, http.StatusServiceUnavailable, "Too many scrapes at a time\n")
		return
	}
	m.answer(r.Context(), w)
}

func (m *metrics) answer(ctx context.Context, w http.ResponseWriter) {
	body, err := m.collect(bus.WithTrace(ctx, rand.Uint64())).text()
	if err != nil {
		m.log.Error(err.Error())
		plain(w, http.StatusInternalServerError, "The metrics are at fault, see debug.log\n")
		return
	}
	w.Header().Set("Content-Type", string(textFormat))
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	// A client that has gone does not read its answer.
	_, _ = w.Write(body)
}

// newMetricsServer is a server for clients that send no body.
func (g *gateway) newMetricsServer(base context.Context, m *metrics) *http.Server {
	return &http.Server{
		Handler:           m,
		MaxHeaderBytes:    maxHeader,
		ReadHeaderTimeout: g.cfg.Timeout,
		ReadTimeout:       g.cfg.Timeout,
		WriteTimeout:      g.cfg.Timeout + scrapePatience,
		IdleTimeout:       max(g.cfg.Timeout, time.Minute),
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
}
