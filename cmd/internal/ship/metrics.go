package ship

import (
	"fmt"
	"net"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
)

// metricsPort is that of a -metricsbind that names none.
const metricsPort = 9332

// metricsBindings returns where metrics are served.
func metricsBindings(s *config.Settings) ([]binding, error) {
	var list []binding
	for _, text := range s.List("metricsbind") {
		addr, err := withPort(text, metricsPort)
		if err != nil {
			return nil, config.Complain("Cannot resolve -metricsbind address: '%s'", text)
		}
		list = append(list, binding{addr: addr})
	}
	if twice := duplicateEndpoint(list); twice != "" {
		return nil, config.Complain("Duplicate binding configuration for address %s: it is named twice among -metricsbind.", twice)
	}
	return list, nil
}

// openToOthers warns of metrics that other machines can read.
func openToOthers(list []binding) (warnings []string) {
	for _, b := range list {
		host, _, err := net.SplitHostPort(b.addr)
		if ip := net.ParseIP(host); err == nil && host != "localhost" && !ip.IsLoopback() {
			warnings = append(warnings, fmt.Sprintf("Metrics at %s have no password: everybody who reaches that address can read them", b.addr))
		}
	}
	return warnings
}

// listenMetrics opens the sockets of -metricsbind.
func (s *ship) listenMetrics() ([]*net.TCPListener, error) {
	list, err := metricsBindings(s.cfg.Settings)
	if err != nil {
		return nil, err
	}
	for _, warning := range openToOthers(list) {
		s.logger.Warn(warning)
	}
	listeners, notes, err := listenAll(list)
	s.logNotes(notes)
	return listeners, err
}

// gatewayOf is the process that serves JSON-RPC and metrics, if either is
// wanted. The last listeners are those for metrics.
func (p *partSettings) gatewayOf() (spec supervise.Spec, wanted bool) {
	listeners := slices.Concat(supervise.Sockets(p.rpcs), p.further)
	return supervise.Spec{
		Role: roles.Gateway, Instance: "gateway", Settings: p.gateway, Listeners: listeners,
	}, len(listeners) > 0
}

// refuseMetrics is for parts that run on their own and are no gateway: nobody
// would serve what was asked for.
func refuseMetrics(s *config.Settings, role rights.Role) error {
	if role != roles.Gateway && len(s.List("metricsbind")) > 0 {
		return config.Complain("-metricsbind is for a whole node or bulkhead gateway: a %s on its own serves no metrics.", role)
	}
	return nil
}
