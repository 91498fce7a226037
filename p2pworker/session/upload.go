package session

import "github.com/bulkheadnode/bulkhead/bus/msg/p2p"

const (
	// messageOverhead is what a message has beside its payload, as v1 frames it.
	messageOverhead = 24
	// uploadStep is how many bytes are sent between two tellings of them.
	uploadStep = 1 << 20
)

// upload counts what is sent to the peer, where that is limited for all peers together.
type upload struct{ sent, told uint64 }

// tellUpload tells the manager now and then what was sent.
func (s *conversation) tellUpload() {
	if s.cfg.UploadLimited && !s.ended && s.upload.sent-s.upload.told >= uploadStep {
		s.countUpload(false, func(p2p.CountUploadReply) {})
	}
}

func (s *conversation) countUpload(ordered bool, then func(p2p.CountUploadReply)) {
	s.upload.told = s.upload.sent
	ask(s, ordered, p2p.CountUpload, p2p.CountUploadRequest{Peer: s.cfg.Peer, Sent: s.upload.sent}, func(r p2p.CountUploadReply, err error) {
		if err != nil {
			r = p2p.CountUploadReply{} // the limit is a wish, and nobody is there who counts
		}
		then(r)
	})
}

// checkUpload does what sends much, unless all that may be sent was: then the peer has
// to find it elsewhere. What is free is done in any case.
func (s *conversation) checkUpload(free, historical bool, do func()) {
	if free || !s.cfg.UploadLimited {
		do()
		return
	}
	s.countUpload(true, func(r p2p.CountUploadReply) {
		switch {
		case historical && r.Historical:
			s.disconnect(p2p.UploadSpent, "historical block serving limit reached")
		case !historical && r.Reached && s.cfg.Permissions.Has(p2p.NoBan):
		case !historical && r.Reached:
			s.disconnect(p2p.UploadSpent, "mempool request with bandwidth limit reached")
		default:
			do()
		}
	})
}
