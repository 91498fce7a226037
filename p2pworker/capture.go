package p2pworker

import (
	"context"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

// capturePatience bounds the waiting for a message to be kept.
const capturePatience = 10 * time.Second

// capture has the manager keep a message, before anything comes of it (-capturemessages).
func (p *peer) capture(ctx context.Context, received bool, messageType string, payload []byte) {
	if !p.w.cfg.Capture {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, capturePatience)
	defer cancel()
	req := p2p.CaptureMessageRequest{
		Peer: p.id, Type: messageType, Received: received, Micros: p.w.env.Clock.Now().UnixMicro(), Frames: multipart.One(payload),
	}
	if _, err := msg.CaptureMessage.Call(ctx, p.w.conn, req); err != nil {
		p.w.log("net", fmt.Sprintf("a message of peer=%d is not kept: %v", p.id, err))
	}
}
