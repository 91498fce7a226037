package gateway

import (
	"context"
	"errors"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// restartingError is a call for which there is nobody at the moment: nothing was done.
type restartingError struct{ text string }

func (e *restartingError) Error() string { return e.text }

func restarting(method string) error {
	return &restartingError{fmt.Sprintf("The compartment that serves %s is restarting", method)}
}

// held repeats an attempt while the compartment that it is for is being restarted, each
// time that one arrives, until -rpcholdtimeout is over: the crash of a process is a pause
// for a client, and not an error. What may have been carried out by a compartment that
// died meanwhile is not repeated, and nothing is begun for a client that has left: it may
// have asked again.
func (g *gateway) held(left context.Context, method string, attempt func() (result, error)) (result, error) {
	waiting, cancel := context.WithTimeout(left, g.cfg.Hold)
	defer cancel()
	for {
		if left.Err() != nil {
			return result{}, context.Cause(left)
		}
		arrival := g.directory.nextArrival()
		answer, err := attempt()
		var absent *restartingError
		gone := errors.Is(err, bus.ErrGone)
		switch {
		case gone && !rpc.OnlyReads(method):
			return result{}, rpc.Errorf(rpc.InWarmup, "The compartment that serves %s has ended before it answered. What was asked for may have been done", method)
		case !gone && !errors.As(err, &absent):
			return answer, err
		case gone:
			err = restarting(method)
		}
		select {
		case <-arrival:
		case <-waiting.Done():
			return result{}, rpc.Errorf(rpc.InWarmup, "%v", err)
		}
	}
}
