package logging_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
)

// TestOnePlaceDoesNotFillTheDisk: others are heard, debug lines and those that nobody
// outside causes, too, and an hour later it is again, which tells what was lost.
func TestOnePlaceDoesNotFillTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		cfg := logging.Config{Categories: []string{"net"}, RateLimit: true, NoTime: true}
		log := logging.New(&out, logging.NewLive(cfg), time.Now)
		text := strings.Repeat("x", 1023)
		flood := func(n int) (lines int) {
			out.Reset()
			for range n {
				log.Info(text)
			}
			return strings.Count(out.String(), text)
		}
		require.Equal(t, 1025, flood(2000), "a MiB, and the one that was too much")
		require.Contains(t, out.String(), "[warning] Excessive logging detected from ")
		require.Contains(t, out.String(), "/excess_test.go:")
		require.Equal(t, 1, strings.Count(out.String(), "Excessive"))
		out.Reset()
		log.Info("another place")
		for range 2000 {
			log.With("cat", "net").Debug(text)
			log.With("unlimited", true).Info(text)
		}
		require.Equal(t, 4000, strings.Count(out.String(), text))
		require.True(t, strings.HasPrefix(out.String(), "another place\n"))
		require.Zero(t, flood(1))
		<-time.After(time.Hour)
		require.Equal(t, 1, flood(1))
		require.Regexp(t, `Restarting logging from .*excess_test.go:\d+ .*: 999424 bytes were dropped during the last 3600s`, out.String())
	})
}

func TestWhoWantsAllLinesGetsThem(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(&out, logging.NewLive(logging.Config{NoTime: true}), time.Now)
	text := strings.Repeat("x", 1023)
	for range 2000 {
		log.Info(text)
	}
	require.Equal(t, 2000, strings.Count(out.String(), text))
}
