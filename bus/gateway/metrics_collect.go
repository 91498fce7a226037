package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// scrapePatience is how long each part of a scrape may take.
const scrapePatience = 2 * time.Second

// source is one part of a scrape: it asks over the bus and returns what enters
// the answer.
type source struct {
	part string
	ask  func(context.Context, *bus.Conn) (func(*catalogue), error)
}

func sources() []source {
	return []source{
		{"bus", askBus},
		{"compartments", askCompartments},
		{"blockchain", askBlockchain},
		{"mempool", askMempool},
		{"network", askNetwork},
	}
}

// collect asks all sources at a time. What does not answer is left out.
func (m *metrics) collect(ctx context.Context) *catalogue {
	ctx, cancel := context.WithTimeout(ctx, scrapePatience)
	defer cancel()
	list := sources()
	entries, errs := make([]func(*catalogue), len(list)), make([]error, len(list))
	var asking sync.WaitGroup
	for i, s := range list {
		asking.Go(func() { entries[i], errs[i] = s.ask(ctx, m.conn) })
	}
	asking.Wait()
	c := newCatalogue()
	for i, s := range list {
		if errs[i] != nil {
			m.log.Debug(fmt.Sprintf("metrics: %s: %v", s.part, errs[i]))
			c.scrapeError.set(1, s.part)
			continue
		}
		entries[i](c)
		c.scrapeError.set(0, s.part)
	}
	return c
}

func askBus(ctx context.Context, conn *bus.Conn) (func(*catalogue), error) {
	reply, err := msg.BusStats.Call(ctx, conn, bus.None{})
	return func(c *catalogue) {
		for _, l := range reply.Links {
			c.enterLink(l)
		}
		for _, s := range reply.Methods {
			if s.Calls > 0 {
				c.enterMethod(s)
			}
		}
	}, err
}

// enterLink turns in and out round: the broker's in is the link's out.
func (c *catalogue) enterLink(l msg.LinkStats) {
	c.queueMessages.set(float64(l.QueueMessages), l.Instance, l.Role)
	c.queueBytes.set(float64(l.QueueBytes), l.Instance, l.Role)
	c.messages.set(float64(l.MessagesOut), l.Instance, l.Role, "in")
	c.messages.set(float64(l.MessagesIn), l.Instance, l.Role, "out")
	c.bytes.set(float64(l.BytesOut), l.Instance, l.Role, "in")
	c.bytes.set(float64(l.BytesIn), l.Instance, l.Role, "out")
	c.made.set(float64(l.Calls), l.Instance, l.Role)
	c.served.set(float64(l.Served), l.Instance, l.Role)
	c.waiting.set(float64(l.Waiting), l.Instance, l.Role)
	c.drops.set(float64(l.Drops), l.Instance, l.Role)
	c.denials.set(float64(l.Denials), l.Instance, l.Role)
	c.refusals.set(float64(l.Refusals), l.Instance, l.Role)
	c.silence.set(float64(l.SilentMillis)/1e3, l.Instance, l.Role)
}

func (c *catalogue) enterMethod(s msg.MethodStats) {
	var bounds []float64
	for i := range max(len(s.Latency)-1, 0) {
		bounds = append(bounds, float64(uint64(1)<<i)/1e6)
	}
	c.callDuration.observe(float64(s.Micros)/1e6, bounds, s.Latency, s.Method)
	c.callErrors.set(float64(s.Errors), s.Method)
}

func askCompartments(ctx context.Context, conn *bus.Conn) (func(*catalogue), error) {
	reply, err := msg.Compartments.Call(ctx, conn, bus.None{})
	return func(c *catalogue) {
		for _, p := range reply.Compartments {
			c.resident.set(float64(p.Resident), p.Instance, p.Role)
			c.restarts.set(float64(p.Restarts), p.Instance, p.Role)
			c.start.set(float64(p.Started), p.Instance, p.Role)
		}
	}, err
}

func askBlockchain(ctx context.Context, conn *bus.Conn) (func(*catalogue), error) {
	var info struct {
		Blocks  *float64 `json:"blocks"`
		Headers *float64 `json:"headers"`
		Initial bool     `json:"initialblockdownload"`
	}
	err := askRPC(ctx, conn, "getblockchaininfo", &info)
	if err == nil && (info.Blocks == nil || info.Headers == nil) {
		err = fmt.Errorf("getblockchaininfo tells no heights")
	}
	return func(c *catalogue) {
		c.height.set(*info.Blocks)
		c.headers.set(*info.Headers)
		download := 0.0
		if info.Initial {
			download = 1
		}
		c.download.set(download)
	}, err
}

func askMempool(ctx context.Context, conn *bus.Conn) (func(*catalogue), error) {
	var info struct {
		Size  *float64 `json:"size"`
		Bytes *float64 `json:"bytes"`
		Usage *float64 `json:"usage"`
	}
	err := askRPC(ctx, conn, "getmempoolinfo", &info)
	if err == nil && (info.Size == nil || info.Bytes == nil || info.Usage == nil) {
		err = fmt.Errorf("getmempoolinfo tells no sizes")
	}
	return func(c *catalogue) {
		c.poolTxs.set(*info.Size)
		c.poolVBytes.set(*info.Bytes)
		c.poolUsage.set(*info.Usage)
	}, err
}

func askNetwork(ctx context.Context, conn *bus.Conn) (func(*catalogue), error) {
	var info struct {
		In  *float64 `json:"connections_in"`
		Out *float64 `json:"connections_out"`
	}
	err := askRPC(ctx, conn, "getnetworkinfo", &info)
	if err == nil && (info.In == nil || info.Out == nil) {
		err = fmt.Errorf("getnetworkinfo tells no connections")
	}
	return func(c *catalogue) {
		c.connections.set(*info.In, "in")
		c.connections.set(*info.Out, "out")
	}, err
}

// askRPC decodes the result of a JSON-RPC command without arguments.
func askRPC(ctx context.Context, conn *bus.Conn, command string, result any) error {
	request := rpc.Request{Frames: bus.Frames{Attached: [][]byte{{}}}}
	reply, err := rpc.Ask(ctx, conn, "", command, request, maxShared)
	if err != nil {
		return err
	}
	return json.Unmarshal(reply, result)
}
