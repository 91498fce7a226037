package endpoint

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFloodOfRefusalsIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := refusals{logger: slog.New(slog.NewTextHandler(&out, nil))}
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
