package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// manyLinks is a process that holds many subscribers, and the publisher of
// what they hear: one clock sees both ends.
type manyLinks struct {
	ctx    context.Context
	stop   context.CancelFunc
	sys    system
	spec   spec
	source events

	links   []events
	running sync.WaitGroup
	failed  chan error // capacity 1
	heard   atomic.Int64
	all     chan struct{} // capacity 1: everybody has heard the present event
}

func newManyLinks(ctx context.Context, sys system, s spec) *manyLinks {
	ctx, stop := context.WithCancel(ctx)
	return &manyLinks{ctx: ctx, stop: stop, sys: sys, spec: s, failed: make(chan error, 1), all: make(chan struct{}, 1)}
}

func (m *manyLinks) close() error {
	m.stop()
	m.running.Wait()
	var err error
	for _, link := range m.links {
		err = errors.Join(err, link.close())
	}
	if m.source != nil {
		err = errors.Join(err, m.source.close())
	}
	return err
}

func (m *manyLinks) answer(ctx context.Context, c command) (any, error) {
	switch c.Do {
	case doOpen:
		return nil, m.open(c.Count)
	case doFan:
		return m.fan(ctx, c.Count)
	}
	return nil, fmt.Errorf("the holder of links cannot %s", c.Do)
}

// open attaches count subscribers.
func (m *manyLinks) open(count int) error {
	for range count {
		link, err := m.sys.events(m.ctx, m.spec)
		if err != nil {
			return fmt.Errorf("link %d: %w", len(m.links)+1, err)
		}
		m.links = append(m.links, link)
		if err := m.listen(link); err != nil {
			return err
		}
	}
	return nil
}

// listen returns when the link has subscribed.
func (m *manyLinks) listen(link events) error {
	subscribed := make(chan struct{})
	m.running.Go(func() {
		err := link.listen(m.ctx, topicEvent, func() { close(subscribed) }, m.hear)
		if m.ctx.Err() == nil {
			select {
			case m.failed <- err:
			default:
			}
		}
	})
	select {
	case <-subscribed:
		return nil
	case err := <-m.failed:
		return err
	}
}

func (m *manyLinks) hear([]byte) error {
	if m.heard.Add(1) == int64(len(m.links)) {
		m.all <- struct{}{}
	}
	return nil
}

// fan publishes count events, each when all have heard the one before, and
// returns how long each took to reach the last subscriber.
func (m *manyLinks) fan(ctx context.Context, count int) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if m.source == nil {
		s := m.spec
		s.Role = rolePublisher
		var err error
		if m.source, err = m.sys.events(m.ctx, s); err != nil {
			return nil, err
		}
	}
	took := make([]time.Duration, count)
	for i := range took {
		m.heard.Store(0)
		start := time.Now()
		if err := m.source.publish(ctx, topicEvent, newBody(smallBody)); err != nil {
			return nil, err
		}
		select {
		case <-m.all:
			took[i] = time.Since(start)
		case err := <-m.failed:
			return nil, err
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d links heard event %d", m.heard.Load(), len(m.links), i)
		}
	}
	return took, nil
}
