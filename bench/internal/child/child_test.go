package child_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bench/internal/child"
)

const patience = time.Minute

// TestMain lets the test be a child.
func TestMain(m *testing.M) {
	if !child.Is(os.Args[1:]) {
		os.Exit(m.Run())
	}
	if err := play(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func play(args []string) error {
	var role string
	if err := child.Spec(args, &role); err != nil {
		return err
	}
	switch role {
	case "mute":
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	case "frozen":
		return errors.Join(child.Obey(context.Background(), os.Stdin, os.Stdout, nil, double), pause())
	}
	return child.Obey(context.Background(), os.Stdin, os.Stdout, "hello of "+role, double)
}

func double(_ context.Context, n int) (any, error) {
	if n < 0 {
		return nil, errors.New("below zero")
	}
	return 2 * n, nil
}

// pause stops the process until a signal continues or ends it.
func pause() error { return syscall.Kill(os.Getpid(), syscall.SIGSTOP) }

func TestAChildAnswersUntilItsInputEnds(t *testing.T) {
	var hello string
	p, err := child.Start(t.Context(), "the child", "adder", patience, &hello)
	require.NoError(t, err)
	require.Equal(t, "hello of adder", hello)
	require.NotEqual(t, os.Getpid(), p.PID())
	var answer int
	require.NoError(t, p.Ask(21, patience, &answer))
	require.Equal(t, 42, answer)
	require.EqualError(t, p.Ask(-1, patience, &answer), "the child, asked -1: below zero")
	require.NoError(t, p.Ask(1, patience, nil), "an error is an answer like any other")
	require.NoError(t, p.Stop())
}

func TestAChildThatDoesNotAnswerIsKilled(t *testing.T) {
	_, err := child.Start(t.Context(), "the child", "mute", time.Millisecond, nil)
	require.ErrorContains(t, err, "the child does not answer")
	require.ErrorContains(t, err, "signal: killed")

	p, err := child.Start(t.Context(), "the child", "adder", patience, nil)
	require.NoError(t, err)
	require.NoError(t, p.Signal(syscall.SIGSTOP))
	require.ErrorContains(t, p.Ask(1, time.Millisecond, nil), "the child does not answer")
	require.ErrorContains(t, p.Stop(), "signal: killed")
}

func TestAChildThatDoesNotEndIsKilled(t *testing.T) {
	p, err := child.Start(t.Context(), "the child", "frozen", time.Second, nil)
	require.NoError(t, err)
	require.ErrorContains(t, p.Stop(), "signal: killed")
}

func TestAChildEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := child.Start(ctx, "the child", "adder", patience, nil)
	require.NoError(t, err)
	cancel()
	require.Error(t, p.Ask(1, patience, nil))
	require.Error(t, p.Stop())
}
