package session

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// filterAnswers are the messages that answer a request for filters (BIP157).
var filterAnswers = map[string]string{
	wire.CmdGetCFilters: wire.CmdCFilter, wire.CmdGetCFHeaders: wire.CmdCFHeaders, wire.CmdGetCFCheckpt: wire.CmdCFCheckpt,
}

// onFilterRequest serves filters if we offer them. The peer's next message waits
// until all have been sent.
func (s *Session) onFilterRequest(messageType string, r *reader) error {
	kind, start := r.u8(), uint32(0)
	if messageType != wire.CmdGetCFCheckpt {
		start = r.u32()
	}
	stop := r.hash()
	if r.err != nil {
		return r.err
	}
	if s.services()&wire.SFNodeCF == 0 || wire.FilterType(kind) != wire.GCSFilterRegular {
		s.disconnect(p2p.AsksForUnserved, "peer requested unsupported block filter type: %d", kind)
		return nil
	}
	s.serveFilters(messageType, start, stop)
	return nil
}

func (s *Session) serveFilters(messageType string, start uint32, stop chainhash.Hash) {
	req := p2p.FetchFiltersRequest{Message: messageType, Start: start, Stop: stop}
	ask(s.conversation, true, p2p.FetchFilters, req, func(f p2p.FetchFiltersReply, err error) {
		if err != nil {
			return
		}
		if f.Refused != "" {
			s.disconnect(p2p.BrokeProtocol, "%s", f.Refused)
			return
		}
		for _, raw := range f.Attached {
			s.send(filterAnswers[messageType], raw)
		}
		if f.Next > start {
			s.serveFilters(messageType, f.Next, stop)
		}
	})
}
