package endpoint

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/secure"
)

func TestWhoComesAndGoesIsCounted(t *testing.T) {
	var out bytes.Buffer
	c := newComings(slog.New(slog.NewTextHandler(&out, nil)))
	restless, other := secure.Generate().Public(), secure.Generate().Public()
	for range 100 {
		c.of(restless).logAt(slog.LevelInfo, "came")
	}
	c.of(other).log("other")
	c.each((*refusals).report)
	require.Equal(t, refusalLines, strings.Count(out.String(), "came"+"\n"))
	require.Equal(t, 1, strings.Count(out.String(), "msg=other"))
	require.Contains(t, out.String(), "40 more links came or went with the key "+restless.String())
	require.NotContains(t, out.String(), other.String())
}

func TestAFloodOfRefusalsIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := refusals{logger: slog.New(slog.NewTextHandler(&out, nil)), rest: "refused %d more connections"}
		for range 100 {
			r.log("refused somebody")
		}
		require.Equal(t, refusalLines, strings.Count(out.String(), "refused somebody"))
		<-time.After(refusalWindow + time.Second)
		r.turn()
		require.Contains(t, out.String(), "refused 40 more connections")
		r.log("refused somebody")
		require.Equal(t, refusalLines+1, strings.Count(out.String(), "refused somebody"))
		r.report()
		require.Equal(t, 1, strings.Count(out.String(), "more connections"))
	})
}
